/** The content with the key let in; null: it is let in already. `line`: type, key and comment. */
export function withKey(content: Buffer, line: string): Buffer | null {
  const key = keyOf(line);
  if (key === null) throw new Error('this is no line of authorized_keys');
  if (linesOf(content).some((each) => keyOf(each) === key)) return null;
  const gap = content.length === 0 || content.at(-1) === newline ? '' : '\n';
  return Buffer.concat([content, Buffer.from(`${gap}${line}\n`)]);
}

/**
 * The content without the key, whatever options and comment a line with it has; null: it was not in there. What others wrote
 * stays byte for byte.
 */
export function withoutKey(content: Buffer, line: string): Buffer | null {
  const key = keyOf(line);
  const lines = linesOf(content);
  const left = key === null ? lines : lines.filter((each) => keyOf(each) !== key);
  return left.length === lines.length ? null : Buffer.from(left.join(''), 'latin1');
}

const newline = 0x0a;

/** With their ends; one character per byte, so that any encoding survives. */
function linesOf(content: Buffer): string[] {
  return content.toString('latin1').match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/**
 * `type base64` of a line as sshd reads it (sshd(8), AUTHORIZED_KEYS FILE FORMAT): options may come first, in which spaces stand
 * in double quotes; null: it has no key.
 */
function keyOf(line: string): string | null {
  const text = line.trim();
  if (text.startsWith('#')) return null;
  const [, type, key] =
    /^([a-z0-9@.-]+)[ \t]+(AAAA[A-Za-z0-9+/]+={0,2})(?=[ \t]|$)/.exec(afterOptions(text)) ?? [];
  return type === undefined ? null : `${type} ${key}`;
}

function afterOptions(text: string): string {
  if (/^[a-z0-9@.-]+[ \t]+AAAA/.test(text)) return text;
  const [options = ''] = /^(?:"(?:\\"|[^"])*"|[^" \t])+/.exec(text) ?? [];
  return text.slice(options.length).trimStart();
}
