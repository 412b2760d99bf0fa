/**
 * Makes text that a machine sent harmless for a terminal: whoever writes a machine's output could otherwise move
 * the cursor over earlier lines, rename the window, fill the clipboard (OSC 52) or make the terminal type.
 * Tab and newline stay; every other control character becomes visible (C0 as in ␛, C1 and bidi controls as
 * `\u{9b}`).
 */
export function neutralise(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this is about
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\u{e0000}-\u{e007f}]/gu,
    visible,
  );
}

function visible(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return '\u2421';
  return `\\u{${code.toString(16)}}`;
}
