import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quote, quoteAll } from './quote.ts';

const shells = ['sh', 'dash', 'bash', 'fish', 'busybox'].filter(
  (shell) => spawnSync(shell, shell === 'busybox' ? ['true'] : ['-c', 'true']).status === 0,
);

/** The words as a real shell understands them. */
function understood(shell: string, text: string): string[] {
  const command = `printf '%s\\0' ${text}`;
  const words = shell === 'busybox' ? ['sh', '-c', command] : ['-c', command];
  const { stdout } = spawnSync(shell, words, { encoding: 'buffer' });
  return stdout.toString().split('\0').slice(0, -1);
}

const awkward = fc.oneof(
  fc.string({
    unit: fc.constantFrom("'", '"', '\\', '$', '`', '\n', ' ', '-', '!', '*', '~', '#', 'a', ';', '\t'),
  }),
  fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\0', '')),
);

describe('quote', () => {
  it.each([
    ['plain', `'plain'`],
    ['', `''`],
    ["it's", `'it'\\''s'`],
    ['back\\slash', `'back'\\\\'slash'`],
    ['-n', `'-n'`],
    ['$HOME `id` "x"\n', `'$HOME \`id\` "x"\n'`],
  ])('puts %j into quotes that hold', (word, text) => {
    expect(quote(word)).toBe(text);
  });

  it('refuses a NUL byte, which no command line can carry', () => {
    expect(() => quote('a\0b')).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });

  it.each(shells)('is understood by %s as exactly the same words, whatever they hold', (shell) => {
    fc.assert(
      fc.property(fc.array(awkward, { minLength: 1, maxLength: 5 }), (words) => {
        expect(understood(shell, quoteAll(words))).toEqual(words);
      }),
      { numRuns: 60 },
    );
  });
});
