import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FairLimiter } from './fair-limiter.ts';

const tick = () => new Promise<void>((resolve) => setImmediate(resolve));

it('leaves a part of the places to others, and serves those who wait in turns', async () => {
  const limiter = new FairLimiter(4, 3);
  const began: string[] = [];
  const ends: (() => void)[] = [];
  const work = (name: string) => () => {
    began.push(name);
    return new Promise<void>((resolve) => ends.push(resolve));
  };
  for (let n = 1; n <= 6; n++) void limiter.run('many', work(`many ${n}`));
  await tick();
  expect(began).toEqual(['many 1', 'many 2', 'many 3']);
  for (let n = 1; n <= 3; n++) void limiter.run('few', work(`few ${n}`));
  await tick();
  expect(began.slice(3)).toEqual(['few 1']);
  for (let n = 0; n < 4; n++) {
    ends[n]?.();
    await tick();
  }
  expect(began.slice(4)).toEqual(['many 4', 'few 2', 'many 5', 'few 3']);
});

it('does all work, never more at once than it may, whoever comes when', async () => {
  const piece = fc.record({ party: fc.constantFrom('a', 'b', 'c'), ticks: fc.nat(4), fails: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async (pieces) => {
      const limiter = new FairLimiter(4, 3);
      const running = new Map<string, number>();
      const done = await Promise.allSettled(
        pieces.map(({ party, ticks, fails }) =>
          limiter.run(party, async () => {
            running.set(party, (running.get(party) ?? 0) + 1);
            const all = [...running.values()];
            expect(Math.max(...all)).toBeLessThanOrEqual(3);
            expect(all.reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(4);
            for (let n = 0; n < ticks; n++) await tick();
            running.set(party, (running.get(party) ?? 1) - 1);
            if (fails) throw new Error('failed');
          }),
        ),
      );
      expect(done.map(({ status }) => status === 'rejected')).toEqual(pieces.map(({ fails }) => fails));
    }),
    { numRuns: 50 },
  );
});
