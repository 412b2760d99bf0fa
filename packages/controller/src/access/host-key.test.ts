import { describe, expect, it } from 'vitest';
import { fingerprint, parseHostKey } from './host-key.ts';
import { generateManagementKey } from './management-key.ts';

const key = generateManagementKey('comment here').publicKey;
const bare = key.split(' ').slice(0, 2).join(' ');

describe('a host key as a user gives it', () => {
  it('loses its comment and surrounding space', () => {
    expect(parseHostKey(`  ${key}\n`)).toBe(bare);
  });

  it.each([
    ['nothing', ''],
    ['a private key', '-----BEGIN OPENSSH PRIVATE KEY-----'],
    ['an unknown type', bare.replace('ssh-ed25519', 'ssh-dss')],
    ['a type that is not the one inside', bare.replace('ssh-ed25519', 'ssh-rsa')],
    ['a blob that is cut off', bare.slice(0, 30)],
    ['options in front, as in authorized_keys', `no-pty ${bare}`],
    ['a second line', `${bare}\n${bare}`],
  ])('is refused when it is %s', (_, text) => {
    expect(parseHostKey(text)).toBeNull();
  });

  it('has the fingerprint that ssh-keygen prints', () => {
    const known = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';
    expect(fingerprint(known)).toBe('SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU');
  });
});
