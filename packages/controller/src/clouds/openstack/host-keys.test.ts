import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readHostKeys } from './host-keys.ts';

const newKey = () => {
  const { publicKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
  const type = Buffer.from('ssh-ed25519');
  const length = (bytes: Buffer) => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
  return `ssh-ed25519 ${Buffer.concat([length(type), length(raw)]).toString('base64')}`;
};
const [one, two] = [newKey(), newKey()];
const block = (...keys: string[]) =>
  ['-----BEGIN SSH HOST KEY KEYS-----', ...keys, '-----END SSH HOST KEY KEYS-----'].join('\r\n');

test('keys are read from the block, with or without a comment and a prefix', () => {
  expect(readHostKeys(`[    3.1] boot\r\n${block(`${one} root@machine`, two)}\r\nlogin: `)).toEqual([
    one,
    two,
  ]);
  expect(readHostKeys(block(`ci-info: ${one}`))).toEqual([one]);
});

test('nothing is believed of half a block', () => {
  const whole = block(one);
  for (let length = 0; length < whole.length; length += 1)
    expect(readHostKeys(whole.slice(0, length))).toEqual([]);
});

test('the last whole block counts', () => {
  expect(readHostKeys(`${block(one)}\n${block(two)}\n-----BEGIN SSH HOST KEY KEYS-----\n${one}`)).toEqual([
    two,
  ]);
});

test('what only looks like a key is none', () => {
  expect(readHostKeys(block(`ssh-ed25519 ${'A'.repeat(68)}`, 'ssh-dss AAAAB3NzaC1kc3M='))).toEqual([]);
});

test('whatever a console shows, reading it ends', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string(), (before, inside) => {
      const keys = readHostKeys(`${before}${block(inside, one)}`);
      expect(keys).toContain(one);
    }),
  );
});
