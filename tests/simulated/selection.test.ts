import { AsyncLocalStorage } from 'node:async_hooks';
import { AccessError } from '@wadi/indirect-access';
import { afterEach, describe, expect, it } from 'vitest';
import { RouteHealth } from '../../packages/controller/src/access/route-health.ts';
import type { Step } from '../../packages/controller/src/access/route-steps.ts';
import { type Fault, randomFaults } from './random-faults.ts';
import { seededRandom } from './seeded-random.ts';
import { SimulatedCluster } from './simulated-cluster.ts';

/** `npm run test:simulated` has the long form. */
const machines = Number(process.env.WADI_SIMULATED_MACHINES ?? 1000);
const seconds = Number(process.env.WADI_SIMULATED_SECONDS ?? 4);
const seed = Number(process.env.WADI_SIMULATED_SEED ?? 1);
/** Operations under way at once. */
const workers = 200;

interface Operation {
  readonly began: number;
  ended: number;
  attempts: number;
  readonly measured: Set<string>;
  error: unknown;
}

const current = new AsyncLocalStorage<Operation>();

/** Notes which candidates were compared for which operation. */
class CountingHealth extends RouteHealth {
  override load(steps: readonly Step[]): number {
    current.getStore()?.measured.add(steps.join(' '));
    return super.load(steps);
  }
  override enter(steps: readonly Step[]): void {
    const operation = current.getStore();
    if (operation) operation.attempts += 1;
    super.enter(steps);
  }
}

let cluster: SimulatedCluster | undefined;
afterEach(async () => {
  await cluster?.close();
});

/** Runs one command on a machine, and checks what it says. */
async function operate(on: SimulatedCluster, machine: string, name: string): Promise<Operation> {
  const operation: Operation = {
    began: performance.now(),
    ended: 0,
    attempts: 0,
    measured: new Set(),
    error: undefined,
  };
  await current.run(operation, async () => {
    try {
      const { stdout } = await on.reach.through(on.instance(machine), (route) =>
        on.indirect.exec(route, [name]),
      );
      if (!stdout.toString().includes(machine)) throw new Error(`${machine} answered ${stdout}`);
    } catch (error) {
      operation.error = error;
    }
  });
  operation.ended = performance.now();
  return operation;
}

function mostWithin(times: readonly number[], milliseconds: number): number {
  let most = 0;
  let first = 0;
  for (const [index, time] of times.entries()) {
    while (time - (times[first] as number) > milliseconds) first += 1;
    most = Math.max(most, index - first + 1);
  }
  return most;
}

describe(`${machines} machines behind 8 proxies that die, freeze and come back`, () => {
  it(
    'are reached whenever one proxy works, without asking too much of any sshd',
    async () => {
      const random = seededRandom(seed);
      const on = new SimulatedCluster({ machines, proxies: 8, random }, CountingHealth);
      cluster = on;
      const off = new AbortController();
      const faults = randomFaults(on.proxies, seededRandom(seed + 1), off.signal);
      const pick = seededRandom(seed + 2);
      const operations: Operation[] = [];
      let count = 0;
      const end = performance.now() + seconds * 1000;
      const work = async () => {
        while (performance.now() < end || count < machines) {
          count += 1;
          // Each machine once, then any.
          const machine = count <= machines ? count : 1 + Math.floor(pick() * machines);
          operations.push(await operate(on, `machine-${machine}`, `op-${count}`));
        }
      };
      await Promise.all(Array.from({ length: workers }, work));
      off.abort();
      const happened = await faults;

      const failed = operations.filter(({ error }) => error !== undefined);
      const wrong = failed.filter((each) => !isExcused(each, happened, on));
      const summary = {
        operations: operations.length,
        faults: happened.length,
        interrupted: failed.length,
        mostHandshakesThroughOneProxy: Math.max(...on.proxies.map((each) => each.mostStartupsThrough)),
        mostHandshakesOfOneProxyIn250Ms: Math.max(
          ...on.proxies.map((each) => mostWithin(each.handshakes, 250)),
        ),
        mostDialsInOneFault: Math.max(0, ...happened.map((fault) => dialsDuring(fault, on))),
      };
      console.log(JSON.stringify(summary));

      expect(wrong.slice(0, 5).map(({ error }) => error)).toEqual([]);
      expect(happened.length).toBeGreaterThan(seconds);
      const all = [...on.proxies, ...on.machines];
      expect(all.reduce((sum, each) => sum + each.droppedStartups, 0)).toBe(0);
      expect(all.reduce((sum, each) => sum + each.refusedSessions, 0)).toBe(0);
      expect(summary.mostHandshakesThroughOneProxy).toBeLessThanOrEqual(8);
      expect(summary.mostHandshakesOfOneProxyIn250Ms).toBeLessThanOrEqual(4);
      expect(summary.mostDialsInOneFault).toBeLessThanOrEqual(8);
      for (const { measured, attempts } of operations)
        expect(measured.size).toBeLessThanOrEqual(2 * Math.max(1, attempts));
      const times = on.machines.flatMap(({ started }) => [...started.values()]);
      expect(Math.max(...times)).toBe(1);
    },
    seconds * 1000 + 120_000,
  );
});

describe('a few machines behind two proxies', () => {
  const proxyOf = (name: string) =>
    (cluster as SimulatedCluster).reach.through(
      (cluster as SimulatedCluster).instance(name),
      async ({ hops }) => (hops[1]?.kind === 'ssh' ? hops[1].machine.name : ''),
    );

  it('are reached by the other one when one is dead, which comes back by itself', async () => {
    const on = new SimulatedCluster({ machines: 20, proxies: 2, random: seededRandom(seed) });
    cluster = on;
    const names = on.machines.map(({ name }) => name);
    expect(new Set(await Promise.all(names.map(proxyOf)))).toEqual(new Set(['proxy-1', 'proxy-2']));
    on.proxies[0]?.set('dead');
    await expect.poll(() => on.health.isClosed(['controller>id-proxy-1'])).toBe(false);
    expect(new Set(await Promise.all(names.map(proxyOf)))).toEqual(new Set(['proxy-2']));
    on.proxies[0]?.set('up');
    await expect.poll(() => on.health.isClosed(['controller>id-proxy-1']), { timeout: 20_000 }).toBe(true);
  });

  it('are reached by the other one when they are cut off from one, which goes on to serve the others', async () => {
    const on = new SimulatedCluster({ machines: 20, proxies: 2, random: seededRandom(seed) });
    cluster = on;
    for (const { name } of on.machines.slice(0, 4)) on.network.cuts.add(`proxy-1>${name}`);
    const taken = await Promise.all(on.machines.map(({ name }) => proxyOf(name)));
    expect(new Set(taken.slice(0, 4))).toEqual(new Set(['proxy-2']));
    expect(taken.slice(4)).toContain('proxy-1');
    expect(on.health.isClosed(['controller>id-proxy-1'])).toBe(true);
  });
});

/** No proxy was well all the time, or a command was under way through one that broke: then it is never repeated. */
function isExcused(
  { error, began, ended }: Operation,
  faults: readonly Fault[],
  on: SimulatedCluster,
): boolean {
  if (!(error instanceof AccessError)) return false;
  // A back-off may still last when a proxy is back.
  const settled = began - 500;
  const during = faults.filter((fault) => fault.from <= ended && fault.to >= settled);
  if (on.proxies.every((proxy) => during.some(({ machine }) => machine === proxy))) return true;
  return error.code === 'CONNECTION_LOST' && !error.retryable && during.length > 0;
}

function dialsDuring({ machine, from, to }: Fault, on: SimulatedCluster): number {
  return on.network.dials.filter((dial) => dial.to === machine.name && dial.at > from && dial.at < to).length;
}
