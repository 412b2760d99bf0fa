import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pauseAfter } from './back-off.ts';
import { parseRetryAfter } from './retry-after.ts';

const now = Date.UTC(1994, 10, 6, 8, 49, 7);

test.each<[string | undefined, number | null]>([
  ['120', 120_000],
  [' 0 ', 0],
  ['Sun, 06 Nov 1994 08:49:37 GMT', 30_000],
  ['Sunday, 06-Nov-94 08:49:37 GMT', 30_000],
  ['Sun Nov  6 08:49:37 1994', 30_000],
  ['Sun, 06 Nov 1994 08:00:00 GMT', 0],
  [undefined, null],
  ['', null],
  ['-5', null],
  ['1.5', null],
  ['soon', null],
  ['1994-11-06', null],
  ['Sun, 99 Nov 1994 08:49:37 GMT', null],
])('Retry-After: %s', (value, pause) => {
  expect(parseRetryAfter(value, undefined, now)).toBe(pause);
});

test("a date is compared with the answer's own, not with a clock that is wrong", () => {
  const year = 365 * 86_400_000;
  const answered = 'Sun, 06 Nov 1994 08:49:07 GMT';
  expect(parseRetryAfter('Sun, 06 Nov 1994 08:49:37 GMT', answered, now + year)).toBe(30_000);
});

test('any text gives null or a time that is not negative', () => {
  const texts = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'0123456789 :,GMTSunNov-') }));
  fc.assert(
    fc.property(texts, texts, (value, answered) => {
      const pause = parseRetryAfter(value, answered, now);
      expect(pause === null || (pause >= 0 && Number.isFinite(pause))).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test('every date that a server can write is understood to the second', () => {
  fc.assert(
    fc.property(fc.date({ min: new Date(now), max: new Date('2099-01-01'), noInvalidDate: true }), (date) => {
      const seconds = Math.floor(date.getTime() / 1000) * 1000;
      expect(parseRetryAfter(new Date(seconds).toUTCString(), undefined, now)).toBe(seconds - now);
    }),
  );
});

test('a pause is between half of what is due and all of it, never beyond the longest, never less than was asked', () => {
  const limits = { firstPause: 500, longestPause: 20_000 };
  const asked = fc.option(fc.nat(3_600_000));
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2000 }),
      asked,
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (n, ask, drawn) => {
        const pause = pauseAfter(n, ask, limits, () => drawn);
        const due = Math.min(500 * 2 ** (n - 1), 20_000);
        if (ask === null) {
          expect(pause).toBeGreaterThanOrEqual(due / 2);
          expect(pause).toBeLessThanOrEqual(due);
        } else {
          expect(pause).toBeGreaterThanOrEqual(ask);
          expect(pause).toBeLessThanOrEqual(ask * 1.25);
        }
      },
    ),
    { numRuns: 1000 },
  );
});
