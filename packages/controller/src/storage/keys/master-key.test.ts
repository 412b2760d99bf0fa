import { expect, test } from 'vitest';
import { lineOf, newMasterKey, parseMasterKeys } from './master-key.ts';

const key = (byte: number) => Buffer.alloc(32, byte).toString('base64');

test('lines with and without an id are read, and the first is the first', () => {
  const made = newMasterKey();
  const text = `${lineOf(made)}\ndeadbeef ${key(7)}\n${key(8)}\r\n`;
  const keys = parseMasterKeys(text, 'here');
  expect(keys.map(({ id }) => id)).toEqual([made.id, 'deadbeef', expect.stringMatching(/^[0-9a-f]{16}$/)]);
  expect(keys[0]).toEqual(made);
  expect(keys[2]?.id).toBe(keys[2]?.fingerprint);
});

test('a fingerprint tells keys apart and is the same everywhere', () => {
  const [one] = parseMasterKeys(key(7), 'here');
  const [again, other] = parseMasterKeys(`00000000 ${key(7)}\n${key(8)}`, 'there');
  expect(again?.fingerprint).toBe(one?.fingerprint);
  expect(other?.fingerprint).not.toBe(one?.fingerprint);
});

test.each([
  ['nothing', '\n\n', 'holds no key'],
  ['something else', 'almostakey almostakey', 'line 1'],
  ['a short key', `${key(7)}\n${Buffer.alloc(31).toString('base64')}`, 'line 2'],
  ['one id for two keys', `deadbeef ${key(7)}\ndeadbeef ${key(8)}`, 'line 2'],
  ["another key's fingerprint", `0123456789abcdef ${key(7)}`, 'does not belong'],
  ['too many', Array.from({ length: 33 }, (_, n) => key(n)).join('\n'), 'more than 32'],
])('%s is refused without quoting it', (_, text, problem) => {
  const read = () => parseMasterKeys(text, 'here');
  expect(read).toThrow(problem);
  expect(read).toThrow(/^here/);
  expect(read).toThrow(/^(?!.*(almostakey|AAAA|BwcH|CAgI))/);
});
