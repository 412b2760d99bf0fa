import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Drain } from './drain.ts';

describe('a drain', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Milliseconds after which it was over. */
  function lasts(drain: Drain, most: number, signal = new AbortController().signal) {
    const begun = performance.now();
    let after: number | undefined;
    void drain.run(most, signal).then(() => {
      after = performance.now() - begun;
    });
    return () => after;
  }

  it('is over when nobody came for two seconds', async () => {
    const drain = new Drain();
    expect(drain.begun).toBe(false);
    const after = lasts(drain, 60_000);
    expect(drain.begun).toBe(true);
    await vi.advanceTimersByTimeAsync(1900);
    expect(after()).toBe(undefined);
    // Only now it is: what came in between begins the two seconds anew.
    drain.enter()();
    await vi.advanceTimersByTimeAsync(1900);
    expect(after()).toBe(undefined);
    await vi.advanceTimersByTimeAsync(200);
    expect(after()).toBe(3900);
  });

  it('waits for what is open, and for no longer than it may', async () => {
    const [some, all] = [new Drain(), new Drain()];
    const leave = some.enter();
    all.enter();
    const [first, second] = [lasts(some, 60_000), lasts(all, 10_000)];
    await vi.advanceTimersByTimeAsync(9000);
    leave();
    await vi.advanceTimersByTimeAsync(2100);
    expect([first(), second()]).toEqual([11_000, 10_000]);
  });

  it('tells those who wait for news to ask elsewhere, once balancers know of it', async () => {
    const drain = new Drain();
    drain.enter();
    lasts(drain, 60_000);
    await vi.advanceTimersByTimeAsync(1900);
    expect(drain.left.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(100);
    expect(drain.left.aborted).toBe(true);
  });

  it('is cut short', async () => {
    const drain = new Drain();
    drain.enter();
    const stop = new AbortController();
    const after = lasts(drain, 60_000, stop.signal);
    await vi.advanceTimersByTimeAsync(500);
    stop.abort();
    await vi.advanceTimersByTimeAsync(100);
    expect(after()).toBe(600);
  });
});
