import { createHash } from 'node:crypto';

/** Modern types only: no DSA, and RSA under its one key format (RFC 8332 changes signatures, not keys). */
const types = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521', 'ssh-rsa'];

/** `type base64` without comment, or null when it is no public key: the blob must name the same type (RFC 4253 6.6). */
export function parseHostKey(text: string): string | null {
  const [, type = '', encoded = ''] =
    /^(\S+)[ \t]+([A-Za-z0-9+/]+={0,2})(?:[ \t].*)?$/.exec(text.trim()) ?? [];
  if (!types.includes(type)) return null;
  const blob = Buffer.from(encoded, 'base64');
  if (blob.length < 4 || blob.readUInt32BE(0) !== type.length) return null;
  const named = blob.subarray(4, 4 + type.length).toString('latin1');
  return named === type && blob.length > 4 + type.length + 4 ? `${type} ${blob.toString('base64')}` : null;
}

/** As `ssh-keygen -l` prints it: `SHA256:…`. */
export function fingerprint(key: string): string {
  const blob = Buffer.from(key.split(' ')[1] ?? '', 'base64');
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}
