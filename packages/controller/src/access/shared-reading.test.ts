import { expect, it, vi } from 'vitest';
import { sharedReading } from './shared-reading.ts';

it('is read once for all who ask at the same moment, and again when it is too old', async () => {
  vi.useFakeTimers();
  try {
    let count = 0;
    const read = sharedReading(1000, async () => ++count);
    expect(await Promise.all([read(), read()])).toEqual([1, 1]);
    vi.advanceTimersByTime(999);
    expect(await read()).toBe(1);
    vi.advanceTimersByTime(2);
    expect(await read()).toBe(2);
  } finally {
    vi.useRealTimers();
  }
});

it('is read again after a failure', async () => {
  let count = 0;
  const read = sharedReading(1000, async () => {
    count += 1;
    if (count === 1) throw new Error('away');
    return count;
  });
  await expect(read()).rejects.toThrow('away');
  expect(await read()).toBe(2);
});

it('is read again when it is not current any more, once for all who ask', async () => {
  let count = 0;
  let current = 1;
  const read = sharedReading(
    1000,
    async () => ++count,
    (value) => value >= current,
  );
  expect(await read()).toBe(1);
  current = 2;
  expect(await Promise.all([read(), read()])).toEqual([2, 2]);
});
