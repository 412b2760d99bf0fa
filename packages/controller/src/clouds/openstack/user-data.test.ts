import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { generateManagementKey } from '../../access/management-key.ts';
import { userData } from './user-data.ts';

const key = `ssh-ed25519 ${'A'.repeat(68)} it's a "key"`;

test('cloud-config lets the keys in and tells the host keys on the console', () => {
  const text = userData('cloud-config', { loginUser: 'debian', authorizedKeys: [key], command: null });
  expect(text.startsWith('#cloud-config\n')).toBe(true);
  expect(parse(text)).toMatchObject({
    users: ['default', { name: 'debian', ssh_authorized_keys: [key], sudo: 'ALL=(ALL) NOPASSWD:ALL' }],
    disable_root: true,
    ssh_deletekeys: true,
    ssh: { emit_keys_to_console: true },
  });
});

test('a command is run by its shell, whatever it holds', () => {
  const command = `printf '%s' "it's" | sh -c 'cat'`;
  const text = userData('cloud-config', { loginUser: 'debian', authorizedKeys: [key], command });
  expect(parse(text).runcmd).toEqual([['sh', '-c', command]]);
});

test('a host key is in it only where one is given', () => {
  const hostKey = generateManagementKey('');
  for (const kind of ['cloud-config', 'script'] as const) {
    const boot = { loginUser: 'debian', authorizedKeys: [key], command: null };
    expect(userData(kind, boot)).not.toContain('PRIVATE KEY');
    expect(userData(kind, { ...boot, hostKey })).toContain('BEGIN OPENSSH PRIVATE KEY');
  }
  const config = parse(
    userData('cloud-config', { loginUser: 'debian', authorizedKeys: [], hostKey, command: null }),
  );
  expect(config.ssh_keys).toEqual({ ed25519_private: hostKey.privateKey, ed25519_public: hostKey.publicKey });
  expect(config).not.toHaveProperty('ssh_genkeytypes');
});

test('root may be who logs in', () => {
  const config = parse(userData('cloud-config', { loginUser: 'root', authorizedKeys: [key], command: null }));
  expect(config.disable_root).toBe(false);
  expect(config.users[1]).not.toHaveProperty('sudo');
});

test('the script is one that a POSIX shell reads', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'wadi-user-data-'));
  const file = path.join(folder, 'user-data');
  writeFileSync(
    file,
    userData('script', { loginUser: 'debian', authorizedKeys: [key, key], command: "printf 'it''s' | sh" }),
  );
  const { status, stderr } = spawnSync('sh', ['-n', file], { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

test.each(['', 'Debian', 'a b', '-x', '$(id)', 'a\nb', 'a'.repeat(33)])('%j is no user', (loginUser) => {
  expect(() => userData('script', { loginUser, authorizedKeys: [], command: null })).toThrow(
    /name of a user/,
  );
});

test.each(['', 'ssh-ed25519', 'ssh-ed25519 AAAA\nssh-ed25519 BBBB', 'command="x" ssh-ed25519 AAAA'])(
  '%j is no key',
  (authorized) => {
    expect(() =>
      userData('script', { loginUser: 'debian', authorizedKeys: [authorized], command: null }),
    ).toThrow(/public key/);
  },
);
