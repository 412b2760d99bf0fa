import { usageError } from './command-error.ts';

/** More names than this in one set is a typing mistake. */
const mostNames = 100_000;

/**
 * `worker-[1-3,7],proxy-0` in full: `worker-1 worker-2 worker-3 worker-7 proxy-0`. Numbers keep the width of the
 * range's first one: `[08-10]` is `08 09 10`. Several brackets multiply.
 */
export function expandNodeSet(text: string): string[] {
  const names = splitOutsideBrackets(text).flatMap(expandWord);
  return [...new Set(names)];
}

function expandWord(word: string): string[] {
  const open = word.indexOf('[');
  if (open < 0) {
    if (word.includes(']')) throw usageError(`"${word}": ] without [`);
    return [word];
  }
  const close = word.indexOf(']', open);
  if (close < 0) throw usageError(`"${word}": [ without ]`, 'A range is written like worker-[1-5].');
  const numbers = word
    .slice(open + 1, close)
    .split(',')
    .flatMap((range) => expandRange(range, word));
  const rest = expandWord(word.slice(close + 1));
  if (numbers.length * rest.length > mostNames) throw tooMany(word);
  return numbers.flatMap((number) => rest.map((tail) => `${word.slice(0, open)}${number}${tail}`));
}

function expandRange(range: string, word: string): string[] {
  const match = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(range.trim());
  if (!match?.[1]) {
    throw usageError(`"${word}": "${range}" is no number or range`, 'A range is written like worker-[1-5].');
  }
  const first = Number(match[1]);
  const last = match[2] === undefined ? first : Number(match[2]);
  if (last < first) throw usageError(`"${word}": the range ${range} runs backwards`);
  if (last - first >= mostNames) throw tooMany(word);
  const width = match[1].length;
  return Array.from({ length: last - first + 1 }, (_, n) => String(first + n).padStart(width, '0'));
}

function tooMany(word: string) {
  return usageError(`"${word}" stands for more than ${mostNames} machines`);
}

function splitOutsideBrackets(text: string): string[] {
  const words = text.split(/[,\s]+(?![^[\]]*\])/);
  return words.filter((word) => word !== '');
}

/** The other way round: names that differ in their last number only become one word with a range. */
export function foldNames(names: readonly string[]): string {
  const groups = new Map<string, { stem: string; tail: string; numbers: string[] }>();
  for (const name of names) {
    const [, stem = name, number, tail = ''] = /^(.*?)(\d{1,9})(\D*)$/.exec(name) ?? [];
    // 08 and 8 are different names: only numbers of one way of writing make a range.
    const style = number === undefined ? '' : /^0\d/.test(number) ? `0${number.length}` : 'n';
    const key = JSON.stringify([stem, tail, style]);
    const group = groups.get(key) ?? { stem, tail, numbers: [] };
    if (number !== undefined) group.numbers.push(number);
    groups.set(key, group);
  }
  return [...groups.values()].map(foldGroup).join(',');
}

function foldGroup({ stem, tail, numbers }: { stem: string; tail: string; numbers: string[] }): string {
  const sorted = [...new Set(numbers)].sort((a, b) => Number(a) - Number(b));
  if (sorted.length === 0) return `${stem}${tail}`;
  if (sorted.length === 1) return `${stem}${sorted[0]}${tail}`;
  const ranges: string[][] = [];
  for (const number of sorted) {
    const range = ranges.at(-1);
    if (range && Number(range.at(-1)) + 1 === Number(number)) range.push(number);
    else ranges.push([number]);
  }
  const text = ranges.map((range) => (range.length === 1 ? range[0] : `${range[0]}-${range.at(-1)}`));
  return `${stem}[${text.join(',')}]${tail}`;
}
