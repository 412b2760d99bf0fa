import { AccessError, type Machine, type Route } from '@wadi/indirect-access';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { chooseHealthy } from './choose-route.ts';
import { RouteHealth } from './route-health.ts';
import { RouteSelector, type Selection } from './route-selector.ts';
import type { Step } from './route-steps.ts';
import { type Way, waysOf } from './way.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const chance = { now: () => Date.now(), random: () => 0.5 };

function machine(name: string): Machine {
  const hostKey = { kind: 'first-contact' } as const;
  return { id: name, name, host: '10.0.0.1', port: 22, user: 'u', credential: 'c', hostKey };
}

function through(proxy: string, to: string): Route {
  return {
    hops: [{ kind: 'tcp' }, { kind: 'ssh', machine: machine(proxy), relay: 'auto' }],
    machine: machine(to),
  };
}

const straight: Route = { hops: [{ kind: 'tcp' }], machine: machine('m') };

function refused(hop: string): AccessError {
  return new AccessError(`${hop}: refused`, {
    code: 'CONNECTION_REFUSED',
    hop,
    phase: 'dial',
    retryable: true,
  });
}

/** Proxies by name that fail, and what was prepared in which order. */
class Bed {
  readonly health = new RouteHealth({ ...chance, first: 500, most: 30_000 });
  readonly selector = new RouteSelector({ ...chance, health: this.health });
  readonly down = new Set<string>();
  readonly silent = new Set<string>();
  readonly prepared: string[] = [];

  readonly prepare = async (route: Route, signal: AbortSignal): Promise<void> => {
    const hop = route.hops[1];
    const first = hop?.kind === 'ssh' ? hop.machine.name : route.machine.name;
    this.prepared.push(first);
    if (this.silent.has(first))
      await new Promise((_resolve, reject) => {
        const timer = setTimeout(() => reject(refused(first)), 6_000);
        signal.addEventListener('abort', () => {
          clearTimeout(timer);
          reject(signal.reason);
        });
      });
    if (this.down.has(first)) throw refused(first);
  };

  use(routes: readonly Route[], more: Partial<Selection<string>> = {}): Promise<string> {
    const work = async (route: Route) => {
      const hop = route.hops[1];
      return hop?.kind === 'ssh' ? hop.machine.name : 'straight';
    };
    const [first] = routes;
    return this.selector.through({
      policy: 'first',
      directWhenFaster: false,
      machineId: first?.machine.id ?? '',
      ways: waysOf(routes),
      prepare: this.prepare,
      work,
      ...more,
    });
  }

  connected(route: Route, milliseconds: number): void {
    const { hops, machine } = route;
    this.health.note({ type: 'connected', hops, machine, route: '', milliseconds });
  }

  lost(route: Route): void {
    const { hops, machine } = route;
    this.health.note({ type: 'disconnected', hops, machine, route: '', reason: 'silent', lost: true });
  }
}

const both = (to = 'm') => [through('p1', to), through('p2', to)];

describe('a proxy that is dead', () => {
  it('costs one failed attempt, and not one for each operation', async () => {
    const bed = new Bed();
    bed.down.add('p1');
    for (let each = 0; each < 5; each++) expect(await bed.use(both(`m${each}`))).toBe('p2');
    expect(bed.prepared).toEqual(['p1', 'p2', 'p2', 'p2', 'p2', 'p2']);
  });

  it('sends those who still connect through it another way as soon as one knows', async () => {
    const bed = new Bed();
    bed.silent.add('p1');
    const waiting = [1, 2, 3].map((each) => bed.use(both(`m${each}`)));
    await vi.advanceTimersByTimeAsync(100);
    bed.health.failed('controller>p1', refused('p1'), Date.now(), false);
    await vi.advanceTimersByTimeAsync(0);
    expect(await Promise.all(waiting)).toEqual(['p2', 'p2', 'p2']);
  });

  it('is suspected when a connection to it is lost, and looked at by one in the background', async () => {
    const bed = new Bed();
    bed.lost({ hops: [{ kind: 'tcp' }], machine: machine('p1') });
    bed.silent.add('p1');
    expect(await Promise.all([bed.use(both('a')), bed.use(both('b'))])).toEqual(['p2', 'p2']);
    expect(bed.prepared.filter((each) => each === 'p1')).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(6_000);
    expect(bed.health.of('controller>p1')?.circuit.state).toBe('open');
  });

  it('leaves a machine that fell silent behind it to the others at once, and no other machine', async () => {
    const bed = new Bed();
    const tcp = { kind: 'tcp' } as const;
    bed.connected({ hops: [tcp], machine: machine('p1') }, 5);
    bed.connected(through('p1', 'm'), 5);
    bed.lost(through('p1', 'm'));
    await vi.advanceTimersByTimeAsync(50);
    bed.silent.add('p1');
    expect(await bed.use(both('m'))).toBe('p2');
    expect(bed.prepared.filter((each) => each === 'p1')).toHaveLength(1);
    bed.silent.clear();
    expect(await bed.use(both('another'))).toBe('p1');
  });

  it('that takes its machines with it is alone to blame', async () => {
    const bed = new Bed();
    const tcp = { kind: 'tcp' } as const;
    bed.connected({ hops: [tcp], machine: machine('p1') }, 5);
    bed.connected(through('p1', 'm'), 5);
    bed.lost(through('p1', 'm'));
    bed.lost({ hops: [tcp], machine: machine('p1') });
    await vi.advanceTimersByTimeAsync(50);
    expect(bed.health.of('p1>m')?.circuit.state).toBe('closed');
    expect(bed.health.of('controller>p1')?.circuit.state).toBe('open');
  });

  it('is used again once a trial went through', async () => {
    const bed = new Bed();
    bed.down.add('p1');
    await bed.use(both());
    bed.down.clear();
    await vi.advanceTimersByTimeAsync(500);
    await bed.use(both('another'));
    await vi.advanceTimersByTimeAsync(0);
    expect(await bed.use(both('a third'))).toBe('p1');
  });

  it('does not take the way to one machine for the way to all', async () => {
    const bed = new Bed();
    const unreachable = new AccessError('p1: cannot reach m', {
      code: 'TARGET_UNREACHABLE',
      hop: 'm',
      phase: 'dial',
      retryable: true,
    });
    bed.health.failed('p1>m', unreachable, Date.now(), false);
    expect(await bed.use(both('m'))).toBe('p2');
    expect(await bed.use(both('another'))).toBe('p1');
  });
});

describe('when every way is known to be broken', () => {
  it('one operation tries and the others wait for what it finds', async () => {
    const bed = new Bed();
    bed.lost({ hops: [{ kind: 'tcp' }], machine: machine('p1') });
    const only = (to: string) => bed.use([through('p1', to)]);
    bed.silent.add('p1');
    const waiting = [only('a'), only('b'), only('c')];
    await vi.advanceTimersByTimeAsync(10);
    expect(bed.prepared).toEqual(['p1']);
    bed.silent.clear();
    const settled = Promise.allSettled(waiting);
    await vi.advanceTimersByTimeAsync(7_000);
    expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
  });

  it('tries each once more, after two seconds at most, and names each with its cause', async () => {
    const bed = new Bed();
    bed.down.add('p1').add('p2');
    await expect(bed.use(both())).rejects.toThrow();
    const second = bed.use(both());
    second.catch(() => {});
    await vi.advanceTimersByTimeAsync(1_000);
    await expect(second).rejects.toThrow();
    const before = bed.prepared.length;
    const third = bed.use(both());
    third.catch(() => {});
    await vi.advanceTimersByTimeAsync(100);
    expect(bed.prepared).toHaveLength(before);
    await vi.advanceTimersByTimeAsync(1_900);
    await expect(third).rejects.toMatchObject({
      code: 'CONNECTION_REFUSED',
      retryable: true,
      message: 'p1: refused; other ways: p2: refused',
    });
    expect(bed.prepared).toHaveLength(before + 2);
  });

  it('tries on demand two seconds after the last failure, however long the back-off is', async () => {
    const bed = new Bed();
    bed.health.failed('controller>p1', refused('p1'), Date.now(), false);
    const circuit = bed.health.of('controller>p1')?.circuit;
    for (let trial = 0; trial < 8; trial++) {
      circuit?.begin();
      circuit?.failed(refused('p1'), Date.now(), true);
    }
    const done = bed.use([through('p1', 'm')]);
    await vi.advanceTimersByTimeAsync(1_990);
    expect(bed.prepared).toEqual([]);
    await vi.advanceTimersByTimeAsync(10);
    expect(await done).toBe('p1');
  });

  it('waits for nobody who has given up', async () => {
    const bed = new Bed();
    bed.lost({ hops: [{ kind: 'tcp' }], machine: machine('p1') });
    bed.silent.add('p1');
    const first = new AbortController();
    const one = bed.use([through('p1', 'a')], { signal: first.signal });
    const other = bed.use([through('p1', 'b')]);
    await vi.advanceTimersByTimeAsync(10);
    bed.silent.clear();
    first.abort();
    await expect(one).rejects.toBeDefined();
    expect(await other).toBe('p1');
  });
});

describe('a port of a machine', () => {
  const closed = () =>
    new AccessError('nothing listens', {
      code: 'TARGET_UNREACHABLE',
      hop: 'm',
      phase: 'dial',
      retryable: true,
    });

  it('where nothing listens says nothing of the machine, and is asked again as soon as somebody wants it', async () => {
    const bed = new Bed();
    let listens = false;
    const port = {
      ways: waysOf(both(), 8080),
      work: async () => {
        if (!listens) throw closed();
        return 'listens';
      },
    };
    await expect(bed.use(both(), port)).rejects.toThrow('nothing listens');
    expect(await bed.use(both())).toBe('p1');
    listens = true;
    expect(await bed.use(both(), port)).toBe('listens');
  });

  it('that gives no answer through one proxy is asked for through another one', async () => {
    const bed = new Bed();
    const asked: string[] = [];
    const port = {
      ways: waysOf(both(), 8080),
      work: async (route: Route) => {
        const hop = route.hops[1];
        asked.push(hop?.kind === 'ssh' ? hop.machine.name : '');
        if (asked.at(-1) === 'p2') return 'answers';
        await new Promise((resolve) => setTimeout(resolve, 6_000));
        throw closed();
      },
    };
    const first = bed.use(both(), port);
    await vi.advanceTimersByTimeAsync(6_000);
    expect(await first).toBe('answers');
    expect(await bed.use(both(), port)).toBe('answers');
    expect(asked).toEqual(['p1', 'p2', 'p2']);
  });
});

describe('work', () => {
  it('is never done twice: only what says that nothing happened is followed by another way', async () => {
    const bed = new Bed();
    const lost = new AccessError('lost', { code: 'CONNECTION_LOST', hop: 'm', phase: 'command' });
    const work = vi.fn(async () => {
      throw lost;
    });
    await expect(bed.use(both(), { work })).rejects.toBe(lost);
    expect(work).toHaveBeenCalledTimes(1);
  });

  it('goes by another proxy where one does not let us through, but not past a wrong host key', async () => {
    const bed = new Bed();
    const says = (code: 'FORWARDING_FORBIDDEN' | 'HOST_KEY_MISMATCH') => ({
      prepare: async (route: Route) => {
        const hop = route.hops[1];
        if (hop?.kind === 'ssh' && hop.machine.name === 'p1')
          throw new AccessError(code, { code, hop: 'p1', phase: 'channel' });
      },
    });
    expect(await bed.use(both('a'), says('FORWARDING_FORBIDDEN'))).toBe('p2');
    await expect(bed.use(both('b'), says('HOST_KEY_MISMATCH'))).rejects.toThrow('HOST_KEY_MISMATCH');
    expect(bed.health.isClosed(['controller>p1'])).toBe(true);
  });
});

describe('of several ways that work', () => {
  const balanced = { policy: 'balanced' } as const;

  it('the less busy one is taken', async () => {
    const bed = new Bed();
    bed.health.enter(['controller>p1']);
    expect(await bed.use(both(), balanced)).toBe('p2');
  });

  it('the faster one is taken, as far as it is not busier', async () => {
    const bed = new Bed();
    bed.connected(through('p1', 'x'), 200);
    bed.connected(through('p2', 'y'), 20);
    expect(await bed.use(both(), balanced)).toBe('p2');
  });

  it('the one that a machine is connected by is kept', async () => {
    const bed = new Bed();
    bed.connected(through('p1', 'm'), 200);
    for (let each = 0; each < 50; each++) bed.health.enter(['controller>p1']);
    expect(await bed.use(both(), balanced)).toBe('p1');
  });

  it('the one that was looked at in the background meanwhile is no reason to leave the one in use', async () => {
    const bed = new Bed();
    bed.health.used('m', waysOf(both())[1]?.key ?? '');
    bed.connected(through('p2', 'm'), 20);
    bed.connected(through('p1', 'm'), 20);
    expect(await bed.use(both(), balanced)).toBe('p2');
  });

  it('the one without a proxy is taken only where it is allowed and was measured to be faster', async () => {
    const bed = new Bed();
    const all = [...both(), straight];
    const allowed = { ...balanced, directWhenFaster: true };
    bed.connected(through('p1', 'm'), 100);
    expect(await bed.use(all, balanced)).toBe('p1');
    expect(await bed.use(all, allowed)).toBe('p1');
    bed.connected(straight, 30);
    expect(await bed.use(all, balanced)).toBe('p1');
    expect(await bed.use(all, allowed)).toBe('straight');
  });

  it('no more than two are measured, however many there are', () => {
    class Counting extends RouteHealth {
      readonly measured = new Set<Step>();
      override load(steps: readonly Step[]): number {
        this.measured.add(steps.join(' '));
        return super.load(steps);
      }
      override latency(steps: readonly Step[]): number | undefined {
        this.measured.add(steps.join(' '));
        return super.latency(steps);
      }
    }
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.boolean(),
        fc.array(fc.nat(29)),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (count, directWhenFaster, broken, random) => {
          const health = new Counting({ ...chance, first: 1, most: 2 });
          for (const each of broken) health.failed(`controller>p${each}`, refused(`p${each}`), 0, false);
          const routes = [...Array.from({ length: count }, (_, each) => through(`p${each}`, 'm')), straight];
          const ways: readonly Way[] = waysOf(routes);
          const way = chooseHealthy(
            ways,
            'm',
            { policy: 'balanced', directWhenFaster },
            health,
            () => random,
          );
          expect(health.measured.size).toBeLessThanOrEqual(2);
          expect(way && health.isClosed(way.steps)).toBe(true);
        },
      ),
    );
  });
});

describe('what is remembered', () => {
  it('is forgotten with the machine, and bounded', () => {
    const { health } = new Bed();
    health.failed('p1>m', refused('m'), 0, false);
    health.failed('p1>m:8080', refused('m'), 0, false);
    health.used('m', 'way');
    health.forget(['m']);
    expect(health.size).toBe(0);
    for (let each = 0; each < 60_000; each++) {
      health.enter([`p>m${each}`]);
      health.leave([`p>m${each}`]);
    }
    expect(health.size).toBeLessThanOrEqual(50_000);
  });
});
