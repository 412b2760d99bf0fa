import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';

export interface ManagementKey {
  /** OpenSSH's private key format, not encrypted: it is stored encrypted as a whole. */
  readonly privateKey: string;
  /** A line of authorized_keys. */
  readonly publicKey: string;
}

/** A new ed25519 key pair. */
export function generateManagementKey(comment: string): ManagementKey {
  return writeEd25519(generateKeyPairSync('ed25519').privateKey, comment);
}

/** An ed25519 key in OpenSSH's formats. */
export function writeEd25519(key: KeyObject, comment: string): ManagementKey {
  const { d, x } = key.export({ format: 'jwk' });
  const seed = Buffer.from(d as string, 'base64url');
  const point = Buffer.from(x as string, 'base64url');
  const blob = Buffer.concat([field('ssh-ed25519'), field(point)]);
  // PROTOCOL.key of OpenSSH: cipher none, kdf none, one key; the check number stands twice.
  const check = randomBytes(4);
  const secret = Buffer.concat([check, check, blob, field(Buffer.concat([seed, point])), field(comment)]);
  const padding = Buffer.from([1, 2, 3, 4, 5, 6, 7].slice(0, (8 - (secret.length % 8)) % 8));
  const one = Buffer.from([0, 0, 0, 1]);
  const whole = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    field('none'),
    field('none'),
    field(''),
    one,
    field(blob),
    field(Buffer.concat([secret, padding])),
  ]);
  const lines = whole.toString('base64').match(/.{1,70}/g) ?? [];
  const privateKey = [
    '-----BEGIN OPENSSH PRIVATE KEY-----',
    ...lines,
    '-----END OPENSSH PRIVATE KEY-----',
    '',
  ].join('\n');
  return { privateKey, publicKey: `ssh-ed25519 ${blob.toString('base64')} ${comment}` };
}

/** An SSH string: length, then bytes (RFC 4251 section 5). */
function field(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
