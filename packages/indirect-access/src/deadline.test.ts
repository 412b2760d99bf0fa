import { describe, expect, it } from 'vitest';
import { withDeadline } from './deadline.ts';
import { AccessError } from './errors.ts';

const late = () => new AccessError('too late', { code: 'TIMEOUT' });
const never = () => new Promise<string>(() => {});

describe('withDeadline', () => {
  it('passes on what the work yields', async () => {
    expect(await withDeadline({ milliseconds: 1000, late }, async () => 'done')).toBe('done');
  });

  it('rejects at the deadline and tells the work', async () => {
    let told: AbortSignal | undefined;
    const waiting = withDeadline({ milliseconds: 5, late }, (signal) => {
      told = signal;
      return never();
    });
    await expect(waiting).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(told?.aborted).toBe(true);
  });

  it('rejects with CANCELLED when the caller gives up, and keeps the reason', async () => {
    const controller = new AbortController();
    const waiting = withDeadline({ milliseconds: 1000, late, signal: controller.signal }, never);
    controller.abort(new Error('changed my mind'));
    await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED', cause: new Error('changed my mind') });
  });

  it('does not start the work when the caller has given up before', async () => {
    let started = false;
    const waiting = withDeadline({ late, signal: AbortSignal.abort() }, async () => {
      started = true;
    });
    await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(started).toBe(false);
  });

  it('gives back what comes too late', async () => {
    const discarded: string[] = [];
    let finish: (value: string) => void = () => {};
    const options = { milliseconds: 5, late, discard: (value: string) => void discarded.push(value) };
    const waiting = withDeadline(
      options,
      () =>
        new Promise<string>((resolve) => {
          finish = resolve;
        }),
    );
    await expect(waiting).rejects.toMatchObject({ code: 'TIMEOUT' });
    finish('a connection');
    await new Promise(setImmediate);
    expect(discarded).toEqual(['a connection']);
  });
});
