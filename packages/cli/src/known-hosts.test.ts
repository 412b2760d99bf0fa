import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { keysOf } from './known-hosts.ts';

const file = `
# a comment
bastion,203.0.113.7 ssh-ed25519 AAAAbastion comment
[bastion]:2222 ssh-ed25519 AAAAother-port
*.inner,!odd.inner ssh-rsa AAAAwildcard
odd.inner ssh-rsa AAAAodd
@revoked 203.0.113.7 ssh-rsa AAAArevoked
203.0.113.7 ssh-rsa AAAArevoked
@cert-authority *.inner ssh-rsa AAAAauthority
broken-line
`;

describe('the keys in a known_hosts file', () => {
  it.each([
    ['bastion', 22, ['ssh-ed25519 AAAAbastion']],
    ['BASTION', 22, ['ssh-ed25519 AAAAbastion']],
    ['203.0.113.7', 22, ['ssh-ed25519 AAAAbastion']],
    ['bastion', 2222, ['ssh-ed25519 AAAAother-port']],
    ['db.inner', 22, ['ssh-rsa AAAAwildcard']],
    ['odd.inner', 22, ['ssh-rsa AAAAodd']],
    ['unknown', 22, []],
    ['203x0y113z7', 22, []],
  ])('of %s port %i are found', (host, port, keys) => {
    expect(keysOf(file, host, port)).toEqual(keys);
  });

  it('are found in a file that ssh-keygen hashed', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'wadi-known-hosts-'));
    try {
      const key = execFileSync('/usr/bin/ssh-keygen', [
        '-q',
        '-t',
        'ed25519',
        '-N',
        '',
        '-f',
        path.join(folder, 'k'),
      ]);
      expect(key.toString()).toBe('');
      const [type, blob] = readFileSync(path.join(folder, 'k.pub'), 'utf8').split(' ');
      const hosts = path.join(folder, 'hosts');
      writeFileSync(hosts, `10.0.0.5 ${type} ${blob}\n[10.0.0.5]:2200 ${type} ${blob}\n`);
      execFileSync('/usr/bin/ssh-keygen', ['-q', '-H', '-f', hosts], { stdio: 'ignore' });
      const hashed = readFileSync(hosts, 'utf8');
      expect(hashed).not.toContain('10.0.0.5');
      expect(keysOf(hashed, '10.0.0.5', 22)).toEqual([`${type} ${blob}`]);
      expect(keysOf(hashed, '10.0.0.5', 2200)).toEqual([`${type} ${blob}`]);
      expect(keysOf(hashed, '10.0.0.6', 22)).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
