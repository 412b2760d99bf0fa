import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KeyFile } from './key-file.ts';
import { newMasterKey, parseMasterKeys } from './master-key.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'wadi-key-file-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function made(name: string): KeyFile {
  const file = new KeyFile(path.join(folder, name), 'file');
  file.create();
  return file;
}

test('the key file is private from the first moment, and is not made twice', () => {
  const file = made('first');
  expect(statSync(file.path).mode & 0o777).toBe(0o600);
  const content = file.read();
  file.create();
  expect(file.read()).toBe(content);
});

test.each([0o640, 0o604, 0o620])('mode %o is refused, and what to do is said', (mode) => {
  const file = made(`mode-${mode}`);
  chmodSync(file.path, mode);
  expect(() => file.read()).toThrow('chmod 600');
});

test('a credential may have an access list, but not be there for everybody', () => {
  const { path: at } = made('credential');
  const credential = new KeyFile(at, 'credential');
  chmodSync(at, 0o440);
  expect(credential.read()).not.toBe('');
  chmodSync(at, 0o444);
  expect(() => credential.read()).toThrow('by everybody');
});

test('a file that is not there, and what is none, are named', () => {
  expect(() => new KeyFile(path.join(folder, 'nope'), 'file').read()).toThrow(/nope: there is no such file/);
  expect(() => new KeyFile(folder, 'file').read()).toThrow(`${folder} is no file`);
});

test('a further key goes in front, through a link, and nothing is left beside the file', () => {
  const file = made('growing');
  const before = file.read();
  const link = path.join(folder, 'link');
  symlinkSync(file.path, link);
  const key = newMasterKey();
  new KeyFile(link, 'file').putInFront(key);
  expect(parseMasterKeys(file.read(), '').map(({ id }) => id)).toEqual([key.id, before.split(' ')[0]]);
  expect(statSync(file.path).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder).filter((name) => name.startsWith('growing'))).toEqual(['growing']);
});

test('where it cannot be written the file stays as it is', () => {
  // Longer than a name may be, so that nothing can be made beside it.
  const long = new KeyFile(path.join(folder, 'y'.repeat(250)), 'file');
  writeFileSync(long.path, 'x', { mode: 0o600 });
  expect(() => long.putInFront(newMasterKey())).toThrow('cannot be written: ENAMETOOLONG');
  expect(readFileSync(long.path, 'utf8')).toBe('x');
});
