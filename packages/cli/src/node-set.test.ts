import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expandNodeSet, foldNames } from './node-set.ts';

describe('a node set', () => {
  it.each([
    ['worker-1', ['worker-1']],
    ['worker-[1-3]', ['worker-1', 'worker-2', 'worker-3']],
    ['worker-[1-2,5],proxy-0', ['worker-1', 'worker-2', 'worker-5', 'proxy-0']],
    ['n[08-10]', ['n08', 'n09', 'n10']],
    ['r[1-2]n[1-2]', ['r1n1', 'r1n2', 'r2n1', 'r2n2']],
    ['a,,a, b', ['a', 'b']],
    ['n[0]', ['n0']],
    ['', []],
  ])('%s is expanded', (text, names) => {
    expect(expandNodeSet(text)).toEqual(names);
  });

  it.each(['worker-[1-', 'worker-1]', 'n[3-1]', 'n[a-b]', 'n[]', 'n[1-999999999]', 'n[1-9999]x[1-9999]'])(
    '%s is refused with a sentence',
    (text) => {
      expect(() => expandNodeSet(text)).toThrow(expect.objectContaining({ exitCode: 2 }));
    },
  );

  it('is folded back into ranges', () => {
    expect(foldNames(['w-1', 'w-2', 'w-3', 'w-7', 'proxy', 'n08', 'n09', 'n10'])).toBe(
      'w-[1-3,7],proxy,n[08-09],n10',
    );
  });

  it('folded and expanded again has the same names', () => {
    const name = fc.tuple(fc.constantFrom('a-', 'b', 'n0x'), fc.integer({ min: 0, max: 300 }));
    fc.assert(
      fc.property(fc.array(name, { maxLength: 30 }), (parts) => {
        const names = [...new Set(parts.map(([stem, number]) => `${stem}${number}`))];
        expect(expandNodeSet(foldNames(names)).sort()).toEqual(names.sort());
      }),
    );
  });
});
