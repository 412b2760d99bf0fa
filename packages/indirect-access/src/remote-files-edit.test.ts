import { expect, test } from 'vitest';
import { replaceLines, replaceText } from './remote-files-edit.ts';

const edited = (result: { content: Buffer; count: number }) => [result.content.toString(), result.count];

test('a string is replaced everywhere and literally', () => {
  expect(edited(replaceText(Buffer.from('a.b a.b axb'), 'a.b', '$&1'))).toEqual(['$&1 $&1 axb', 2]);
  expect(edited(replaceText(Buffer.from('same'), 'other', 'x'))).toEqual(['same', 0]);
});

test('a RegExp is replaced everywhere, with its groups', () => {
  expect(edited(replaceText(Buffer.from('k1=v k2=v'), /k(\d)=/, 'key$1: '))).toEqual(['key1: v key2: v', 2]);
});

test('bytes that are not UTF-8 survive an edit', () => {
  const latin = Buffer.from([0xe9, 0x20, 0x61, 0xff, 0x00]);
  expect(replaceText(latin, 'a', 'ü').content).toEqual(Buffer.from([0xe9, 0x20, 0xc3, 0xbc, 0xff, 0x00]));
  expect(() => replaceText(latin, /a/, 'b')).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
});

test('multi-byte text is found where it stands', () => {
  expect(edited(replaceText(Buffer.from('größe größe'), 'ö', 'oe'))).toEqual([
    'groesse groesse'.replaceAll('ss', 'ß'),
    2,
  ]);
});

test.each([
  ['port=1\nhost=a\n', 'port=', 'port=2', 'port=2\nhost=a\n', 1],
  ['port=1\r\nhost=a\r\n', 'port=', 'port=2', 'port=2\r\nhost=a\r\n', 1],
  ['a\nport=1', 'port=', 'port=2', 'a\nport=2', 1],
  [' port=1\n', 'port=', 'port=2', ' port=1\n', 0],
  ['x\n\nx\n', 'x', '$1', '$1\n\n$1\n', 2],
  ['', 'x', 'y', '', 0],
])('in %j lines that start with %j become %j', (before, match, line, after, count) => {
  expect(edited(replaceLines(Buffer.from(before), match, line))).toEqual([after, count]);
});

test('lines in which a RegExp matches are replaced, empty ones too', () => {
  expect(edited(replaceLines(Buffer.from('# a\nb # c\n\n'), /#/, 'gone'))).toEqual(['gone\ngone\n\n', 2]);
  expect(edited(replaceLines(Buffer.from('a\n\nb'), /^$/, '-'))).toEqual(['a\n-\nb', 1]);
  expect(edited(replaceLines(Buffer.from('a\nA\n'), /^a$/gi, 'b'))).toEqual(['b\nb\n', 2]);
});

test('an empty search is refused', () => {
  for (const edit of [replaceText, replaceLines]) {
    expect(() => edit(Buffer.from('a'), '', 'b')).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  }
});
