import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LineCheck } from './line-check.ts';

const width = 16;
const rest = (number: number) => String(number * 3).padStart(5, '0');
const line = (number: number) => `${String(number).padStart(9, '0')} ${rest(number)}\n`;

function check(count: number, text: string, cuts: readonly number[] = []) {
  const checked = new LineCheck({ count, width, rest });
  const places = [0, ...cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b), text.length];
  for (const [n, from] of places.entries()) checked.add(Buffer.from(text.slice(from, places[n + 1])));
  return checked.result;
}

it('whatever lines are missing or come again, and however the stream is cut, each byte is counted', () => {
  const copies = fc.array(fc.nat(3), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(copies, fc.array(fc.nat(), { maxLength: 8 }), (times, cuts) => {
      const text = times.map((count, number) => line(number).repeat(count)).join('');
      expect(check(times.length, text, cuts)).toEqual({
        bytesLost: times.filter((count) => count === 0).length * width,
        bytesDoubled: times.reduce((sum, count) => sum + Math.max(0, count - 1), 0) * width,
      });
    }),
  );
});

it('any other output than the right one is noticed', () => {
  const right = [0, 1, 2, 3].map(line).join('');
  expect(check(4, right)).toEqual({ bytesLost: 0, bytesDoubled: 0 });
  fc.assert(
    fc.property(fc.nat(right.length - 1), fc.constantFrom('', '7', '\n', 'xy'), (place, instead) => {
      const text = right.slice(0, place) + instead + right.slice(place + 1);
      const { bytesLost, bytesDoubled } = check(4, text);
      expect(bytesLost + bytesDoubled > 0).toBe(text !== right);
    }),
  );
});
