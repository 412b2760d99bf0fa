import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { isEncrypted } from './identity-file.ts';

it.each([
  ['', false],
  ['words', true],
])('an OpenSSH key with the passphrase %j is seen as encrypted: %s', (passphrase, encrypted) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'wadi-identity-'));
  try {
    const file = path.join(folder, 'key');
    execFileSync('/usr/bin/ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-f', file]);
    expect(isEncrypted(readFileSync(file, 'utf8'))).toBe(encrypted);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('so is a PEM key that is, and not one that is not', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const open = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const locked = privateKey
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
    .toString();
  expect([isEncrypted(open), isEncrypted(locked)]).toEqual([false, true]);
});

it('a damaged key is no reason to fail here', () => {
  const head = '-----BEGIN OPENSSH PRIVATE KEY-----';
  expect(isEncrypted(`${head}\nAAAA\n-----END OPENSSH PRIVATE KEY-----`)).toBe(false);
  const cut = Buffer.from('openssh-key-v1\0').toString('base64');
  expect(isEncrypted(`${head}\n${cut}\n-----END OPENSSH PRIVATE KEY-----`)).toBe(false);
});
