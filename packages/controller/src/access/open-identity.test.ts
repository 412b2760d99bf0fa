import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { checkIdentity } from '@wadi/indirect-access';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateManagementKey } from './management-key.ts';
import { derivationRounds, openIdentity } from './open-identity.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'wadi-keys-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function keygen(name: string, ...args: string[]): string {
  const file = path.join(directory, name);
  execFileSync('/usr/bin/ssh-keygen', ['-q', '-N', 'a passphrase', '-C', '', '-f', file, ...args]);
  return readFileSync(file, 'utf8');
}

/** As ssh-keygen reads it. */
function publicKey(privateKey: string): string {
  const file = path.join(directory, 'opened');
  rmSync(file, { force: true });
  writeFileSync(file, privateKey, { mode: 0o600 });
  return execFileSync('/usr/bin/ssh-keygen', ['-y', '-f', file], { encoding: 'utf8' }).trim();
}

describe('a private key with a passphrase', () => {
  it.each([
    ['ed25519', ['-t', 'ed25519']],
    ['ecdsa', ['-t', 'ecdsa', '-b', '384']],
    ['rsa', ['-t', 'rsa', '-b', '2048']],
    ['rsa in PEM', ['-t', 'rsa', '-b', '2048', '-m', 'PEM']],
  ])('is kept without it: %s', (name, args) => {
    const { privateKey, ...rest } = openIdentity(keygen(name, ...args), 'a passphrase');
    expect(rest).toEqual({});
    checkIdentity({ privateKey });
    const expected = readFileSync(path.join(directory, `${name}.pub`), 'utf8').trim();
    expect(publicKey(privateKey)).toBe(expected);
  });

  it('says how many rounds opening it takes', () => {
    expect(derivationRounds(keygen('rounds', '-t', 'ed25519', '-a', '23'))).toBe(23);
    expect(derivationRounds(generateManagementKey('').privateKey)).toBe(0);
    expect(
      derivationRounds('-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----'),
    ).toBe(0);
  });

  it('is refused with another passphrase', () => {
    expect(() => openIdentity(keygen('wrong', '-t', 'ed25519'), 'another')).toThrow('no usable private key');
  });
});
