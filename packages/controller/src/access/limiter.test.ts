import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Limiter } from './limiter.ts';

describe('a limiter', () => {
  it('runs everything, in order, never more at once than allowed', async () => {
    const limiter = new Limiter(3);
    let now = 0;
    let most = 0;
    const begun: number[] = [];
    await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        limiter.run(async () => {
          begun.push(i);
          now += 1;
          most = Math.max(most, now);
          await sleep(i % 4);
          now -= 1;
        }),
      ),
    );
    expect(most).toBe(3);
    expect(begun).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  it('goes on after work that failed', async () => {
    const limiter = new Limiter(1);
    await expect(limiter.run(async () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(limiter.run(async () => 'yes')).resolves.toBe('yes');
  });
});
