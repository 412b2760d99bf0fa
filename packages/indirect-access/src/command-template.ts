import { isIP } from 'node:net';
import { AccessError } from './errors.ts';

/** All that a command may be told of what it is to reach. */
export const commandKeys = ['host', 'port', 'tenant_id', 'network_id', 'router_id'] as const;
export type CommandKey = (typeof commandKeys)[number];

const required: readonly CommandKey[] = ['host', 'port'];
const ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const HOST_NAME = /^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?$/;
const PLACE = /\{([^{}]*)\}/g;
const longest = 4096;

/**
 * Splits a command into its words, once and for all: no shell ever reads it. Quotes and backslashes hold words together as
 * a shell's do; what would be an order to a shell is refused, so that nobody believes it were obeyed.
 */
export function parseCommandTemplate(text: string): readonly string[] {
  if (text.length > longest) throw invalid(`it has more than ${longest} characters`);
  const words: string[] = [];
  let word: string | undefined;
  let quoted: { readonly mark: string; readonly at: number } | undefined;
  const add = (character: string) => {
    word = (word ?? '') + character;
  };
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] as string;
    const code = character.charCodeAt(0);
    if (code < 32 && character !== '\t') throw invalid(`a control character at position ${at + 1}`);
    if (quoted) {
      if (character === quoted.mark) quoted = undefined;
      else if (character === '\\' && quoted.mark === '"' && /["\\]/.test(text[at + 1] ?? '')) {
        at += 1;
        add(text[at] as string);
      } else add(character);
    } else if (character === '"' || character === "'") {
      quoted = { mark: character, at };
      add('');
    } else if (character === '\\') {
      at += 1;
      if (at === text.length) throw invalid('it ends in a backslash');
      add(text[at] as string);
    } else if (character === ' ' || character === '\t') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if ('|&;<>()$`*?~#'.includes(character)) {
      throw invalid(
        `'${character}' at position ${at + 1}: no shell reads it; put it in quotes if it is meant as it is`,
      );
    } else add(character);
  }
  if (quoted) throw invalid(`the quote at position ${quoted.at + 1} does not end`);
  if (word !== undefined) words.push(word);
  checkBraces(text);
  checkCommandWords(words);
  return words;
}

/** In the text as it was written, for the position. */
function checkBraces(text: string): void {
  const known = `known are ${commandKeys.map((key) => `{${key}}`).join(' ')}`;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '}') throw invalid(`'}' at position ${at + 1} ends nothing; ${known}`);
    if (text[at] !== '{') continue;
    const end = text.indexOf('}', at);
    const key = text.slice(at + 1, end === -1 ? at + 24 : end);
    if (end === -1) throw invalid(`'{${key}' at position ${at + 1} does not end; ${known}`);
    if (!isKey(key)) throw invalid(`unknown key '{${key.slice(0, 40)}}' at position ${at + 1}; ${known}`);
    at = end;
  }
}

/** Also of words that come from somewhere else than `parseCommandTemplate`. */
export function checkCommandWords(words: readonly string[]): void {
  const [program = ''] = words;
  if (program === '') throw invalid('it names no program');
  if (/[{}]/.test(program)) throw invalid('the program itself cannot be one of the keys');
  const used = usedKeys(words);
  for (const word of words)
    if (/[{}]/.test(word.replaceAll(PLACE, (place, key) => (isKey(key) ? '' : place))))
      throw invalid(`unknown key in '${word.slice(0, 40)}'`);
  for (const key of required)
    if (!used.has(key)) throw invalid(`{${key}} is missing: it must be told where to`);
}

/** What the words want to know. */
export function usedKeys(words: readonly string[]): ReadonlySet<CommandKey> {
  const keys = words.flatMap((word) => [...word.matchAll(PLACE)].map(([, key = '']) => key));
  return new Set(keys.filter(isKey));
}

/** The words with their values. A value is never a word of its own making: it has no spaces, quotes or leading dash. */
export function fillCommand(words: readonly string[], values: Readonly<Record<string, string>>): string[] {
  return words.map((word) =>
    word.replaceAll(PLACE, (_place, key: string) => {
      const value = Object.hasOwn(values, key) ? values[key] : undefined;
      if (value === undefined) throw invalid(`nobody said what {${key}} is`);
      if (!fits(key, value)) throw invalid(`not a value for {${key}}: ${JSON.stringify(value).slice(0, 80)}`);
      return value;
    }),
  );
}

function fits(key: string, value: string): boolean {
  if (key === 'host') return isIP(value) > 0 ? !value.includes('%') : HOST_NAME.test(value);
  if (key === 'port') return /^[1-9]\d{0,4}$/.test(value) && Number(value) <= 65_535;
  return ID.test(value);
}

function isKey(key: string): key is CommandKey {
  return commandKeys.some((each) => each === key);
}

function invalid(message: string): AccessError {
  return new AccessError(`proxy_command: ${message}`, { code: 'INVALID_ARGUMENT' });
}
