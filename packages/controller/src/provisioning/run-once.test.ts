import { AccessError, type AttachedRun } from '@wadi/indirect-access';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { InstanceFacts } from '../access/cluster-facts.ts';
import type { ClusterReach } from '../access/cluster-reach.ts';
import { runOnce } from './run-once.ts';

const instance = { id: 'i', name: 'machine' } as InstanceFacts;

/** A machine that answers, and whose script neither says anything nor ends. */
class Deaf {
  cancelled = 0;
  closed = 0;

  get reach(): ClusterReach {
    return { through: async () => this.#attached() } as unknown as ClusterReach;
  }

  #attached(): AttachedRun {
    let lose = () => {};
    const lost = new Promise<never>((_, reject) => {
      lose = () => reject(new AccessError('lost', { code: 'CONNECTION_LOST', hop: 'machine' }));
    });
    lost.catch(() => {});
    const silent = async function* (): AsyncGenerator<Buffer> {
      yield await lost;
    };
    const close = () => {
      this.closed += 1;
      lose();
    };
    const cancel = () => {
      this.cancelled += 1;
    };
    const followed = { stdout: silent(), stderr: silent(), end: lost, close, cancel };
    const attached = { state: 'fresh', bootId: 'b', close, start: () => followed, follow: () => followed };
    return attached as unknown as AttachedRun;
  }
}

function begin(machine: Deaf, signal: AbortSignal) {
  const spec = { command: 'true', timeout: 100, maxOutputBytes: 1000 };
  const outcome: { error?: unknown } = {};
  const options = { what: 'a step', spec, asRoot: false, signal };
  const running = runOnce(machine.reach, instance, options).catch((error) => {
    outcome.error = error;
  });
  return { outcome, running };
}

const pass = (seconds: number) => vi.advanceTimersByTimeAsync(seconds * 1000);

describe('a script on a machine that does not end it', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is given up some time after its own', async () => {
    const machine = new Deaf();
    const { outcome } = begin(machine, new AbortController().signal);
    await pass(120);
    expect(machine.cancelled).toBe(0);
    await pass(120);
    expect(machine.cancelled).toBe(1);
    expect(outcome.error).toMatchObject({ code: 'TIMEOUT', hop: 'machine' });
    expect(machine.closed).toBeGreaterThan(0);
  });

  it('is given up when it is to be ended', async () => {
    const machine = new Deaf();
    const over = new AbortController();
    const { outcome } = begin(machine, over.signal);
    await pass(1);
    over.abort();
    await pass(40);
    expect(machine.cancelled).toBe(1);
    expect(outcome.error).toBeInstanceOf(AccessError);
  });
});
