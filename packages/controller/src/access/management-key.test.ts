import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { generateManagementKey } from './management-key.ts';

describe('a management key', () => {
  it.each(['', 'a', 'wadi demo', 'proxies of wadi demo'])(
    'is read by OpenSSH, which finds the same public key in it (comment "%s")',
    (comment) => {
      const directory = mkdtempSync(path.join(tmpdir(), 'wadi-key-'));
      try {
        const file = path.join(directory, 'key');
        const { privateKey, publicKey } = generateManagementKey(comment);
        writeFileSync(file, privateKey, { mode: 0o600 });
        const found = execFileSync('/usr/bin/ssh-keygen', ['-y', '-f', file], { encoding: 'utf8' });
        expect(found.trim()).toBe(publicKey.trim());
      } finally {
        rmSync(directory, { recursive: true });
      }
    },
  );

  it('is another one each time', () => {
    expect(generateManagementKey('x').publicKey).not.toBe(generateManagementKey('x').publicKey);
  });
});
