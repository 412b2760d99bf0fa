import { AccessError, type AttachedRun, type FollowedRun, type RunState } from '@wadi/indirect-access';
import { describe, expect, it, vi } from 'vitest';
import type { RunRow } from '../storage/runs.ts';
import type { InstanceFacts } from './cluster-facts.ts';
import type { ClusterReach } from './cluster-reach.ts';
import type { RunJournal } from './run-journal.ts';
import { TargetRun } from './target-run.ts';

const instance = { id: 'i', name: 'machine' } as InstanceFacts;
const run = { id: 'r', command: 'true', as_root: false, max_output_bytes: '1000' } as unknown as RunRow;

/** Attempts to attach go through `attempts`, one after the other: a state, an error, or a machine that is not there. */
class Bed {
  readonly begun: string[] = [];
  readonly #attempts: (RunState | AccessError | 'gone')[];

  constructor(...attempts: (RunState | AccessError | 'gone')[]) {
    this.#attempts = attempts;
  }

  result(claimed: boolean) {
    const never = new AbortController().signal;
    const journal = { claim: async () => true, committed: async () => {} } as unknown as RunJournal;
    const target = new TargetRun(
      {
        ...{ run, instance, journal, cancel: never, letGo: never, lostContact: 60_000 },
        input: { env: {}, stdin: null },
        reach: async () => this.#reach(),
        connecting: (work) => work(),
        leaving: () => () => {},
      },
      { claimed, offsets: { stdout: 0, stderr: 0 } },
    );
    return target.result().finally(() => target.dispose());
  }

  #reach(): ClusterReach {
    const next = this.#attempts.shift();
    const through = async () => {
      if (next instanceof AccessError) throw next;
      return this.#attached(next as RunState);
    };
    return { find: () => (next === 'gone' ? undefined : instance), through } as unknown as ClusterReach;
  }

  #attached(state: RunState): AttachedRun {
    const followed = (how: string) => {
      this.begun.push(how);
      const nothing = (async function* (): AsyncGenerator<Buffer> {})();
      const dropped = { stdout: 0, stderr: 0 };
      return {
        ...{ stdout: nothing, stderr: nothing, close() {}, cancel() {} },
        end: Promise.resolve({ how: 'exited', status: 0, signal: null, dropped }),
      } as unknown as FollowedRun;
    };
    const close = () => {};
    const remove = async () => {};
    return {
      ...{ state, bootId: 'b', close, remove },
      start: () => followed('start'),
      follow: () => followed('follow'),
    };
  }
}

const forgotten = () => new AccessError('its connections were closed', { code: 'CLOSED', hop: 'machine' });

describe('a run whose machine was moved while it looked for it', () => {
  it('goes on where it is now', async () => {
    const bed = new Bed(forgotten(), 'begun');
    expect(await bed.result(true)).toMatchObject({ status: 'succeeded' });
    expect(bed.begun).toEqual(['follow']);
  });

  it('is begun once, where it had not begun', async () => {
    const bed = new Bed(forgotten(), 'fresh');
    expect(await bed.result(false)).toMatchObject({ status: 'succeeded' });
    expect(bed.begun).toEqual(['start']);
  });
});

describe('a run whose machine is gone', () => {
  it('is unknown at once when it may have begun', async () => {
    expect(await new Bed('gone').result(true)).toMatchObject({ status: 'unknown' });
  });

  it('has not begun when it could not have', async () => {
    await expect(new Bed('gone').result(false)).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

describe('a run on a machine that answers and does not end it', () => {
  /** Each attachment is followed until it is closed here; `says` is what it has to say every ten seconds. */
  async function endlessRun(says: () => Buffer | undefined, timeout: number | null = null) {
    let attachments = 0;
    const attached = () => {
      attachments += 1;
      let close = () => {};
      const lost = new Promise<never>((_, reject) => {
        close = () => reject(new AccessError('lost', { code: 'CONNECTION_LOST', hop: 'machine' }));
      });
      lost.catch(() => {});
      const said = (async function* (): AsyncGenerator<Buffer> {
        for (let bytes = says(); bytes; bytes = says()) {
          yield bytes;
          await Promise.race([lost, new Promise((resolve) => setTimeout(resolve, 10_000))]);
        }
        yield await lost;
      })();
      const silent = (async function* (): AsyncGenerator<Buffer> {
        yield await lost;
      })();
      const followed = { stdout: said, stderr: silent, end: lost, close: () => close(), cancel() {} };
      return { state: 'begun', bootId: 'b', close() {}, follow: () => followed } as unknown as AttachedRun;
    };
    const reach = { find: () => instance, through: async () => attached() } as unknown as ClusterReach;
    const journal = { committed: async () => {}, append: async () => {} } as unknown as RunJournal;
    const cancel = new AbortController();
    const target = new TargetRun(
      {
        run: { ...run, timeout_seconds: timeout },
        ...{ instance, journal, cancel: cancel.signal, letGo: new AbortController().signal },
        ...{ lostContact: 3_600_000, input: { env: {}, stdin: null }, reach: async () => reach },
        connecting: (work) => work(),
        leaving: () => () => {},
      },
      { claimed: true, offsets: { stdout: 0, stderr: 0 } },
    );
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      let status: string | undefined;
      void target.result().then((result) => {
        status = result?.status;
      });
      await vi.advanceTimersByTimeAsync(1000);
      if (timeout === null) cancel.abort();
      const after: (string | undefined)[] = [];
      for (const seconds of [29, 35, 1200]) {
        await vi.advanceTimersByTimeAsync(seconds * 1000);
        after.push(status);
      }
      return { after, attachments };
    } finally {
      vi.useRealTimers();
      target.dispose();
    }
  }

  it('is given up when it is cancelled', async () => {
    const { after } = await endlessRun(() => undefined);
    expect(after).toEqual([undefined, 'unknown', 'unknown']);
  });

  it('is read on while it says more, and not for ever', async () => {
    const { after, attachments } = await endlessRun(() => Buffer.from('more'));
    expect(after).toEqual([undefined, undefined, 'unknown']);
    expect(attachments).toBeGreaterThan(2);
  });

  it('is given up when its time is long over', async () => {
    expect((await endlessRun(() => undefined, 1)).after).toEqual([undefined, 'unknown', 'unknown']);
    expect((await endlessRun(() => undefined, 600)).after).toEqual([undefined, undefined, 'unknown']);
  });

  it('is read on after its time while it says more', async () => {
    expect((await endlessRun(() => Buffer.from('more'), 1)).after).toEqual([undefined, undefined, undefined]);
  });
});
