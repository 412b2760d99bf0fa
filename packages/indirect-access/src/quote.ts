import { AccessError } from './errors.ts';

/**
 * One word for a remote shell, whatever it holds. The only way by which values get into command text.
 *
 * A backslash is taken out of the quotes like the quote itself: POSIX shells keep it as it is inside single
 * quotes, but fish, which may be the login shell, does not.
 */
export function quote(word: string): string {
  if (word.includes('\0')) {
    throw new AccessError('a command cannot hold a NUL byte', { code: 'INVALID_ARGUMENT', phase: 'command' });
  }
  return `'${word.replaceAll(/['\\]/g, (character) => `'\\${character}'`)}'`;
}

export function quoteAll(words: readonly string[]): string {
  return words.map(quote).join(' ');
}
