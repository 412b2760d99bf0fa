import { isUtf8 } from 'node:buffer';
import { AccessError } from './errors.ts';

export interface Edited {
  readonly content: Buffer;
  readonly count: number;
}

/**
 * Replaces every occurrence. A string is searched byte by byte and its replacement taken as it is, so a file in
 * any encoding survives; a RegExp needs UTF-8 text, and its replacement may use `$1` and the like.
 */
export function replaceText(content: Buffer, search: string | RegExp, replacement: string): Edited {
  if (typeof search === 'string') {
    if (search === '') throw invalid('an empty string occurs everywhere');
    const parts = bytes(content).split(bytes(Buffer.from(search)));
    return {
      content: Buffer.from(parts.join(bytes(Buffer.from(replacement))), 'latin1'),
      count: parts.length - 1,
    };
  }
  const text = utf8(content);
  const everywhere = new RegExp(search.source, `${search.flags.replace(/[gy]/g, '')}g`);
  const count = [...text.matchAll(everywhere)].length;
  return { content: Buffer.from(text.replace(everywhere, replacement)), count };
}

/**
 * Replaces every line that starts with a string, or in which a RegExp matches. Line ends (LF, CRLF or none at the
 * end of the file) stay as they are.
 */
export function replaceLines(content: Buffer, match: string | RegExp, line: string): Edited {
  if (match === '') throw invalid('every line starts with an empty string');
  const text = typeof match === 'string' ? bytes(content) : utf8(content);
  const start = typeof match === 'string' ? bytes(Buffer.from(match)) : '';
  const pattern =
    typeof match === 'string' ? undefined : new RegExp(match.source, match.flags.replace(/[gy]/g, ''));
  const instead = typeof match === 'string' ? bytes(Buffer.from(line)) : line;
  let count = 0;
  const edited = text.replace(/([^\n]*?)(\r?\n|$)/g, (whole, before: string, end: string) => {
    if (whole === '') return whole; // after the last line end there is no further line
    if (!(pattern ? pattern.test(before) : before.startsWith(start))) return whole;
    count += 1;
    return instead + end;
  });
  return { content: Buffer.from(edited, typeof match === 'string' ? 'latin1' : 'utf8'), count };
}

/** One character per byte. */
function bytes(data: Buffer): string {
  return data.toString('latin1');
}

function utf8(content: Buffer): string {
  if (!isUtf8(content)) throw invalid('the file is not UTF-8 text; search for a string instead');
  return content.toString('utf8');
}

function invalid(message: string): AccessError {
  return new AccessError(message, { code: 'INVALID_ARGUMENT' });
}
