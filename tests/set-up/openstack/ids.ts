import { createHash, randomBytes, randomUUID } from 'node:crypto';

/** As Nova, Neutron and Glance give them. */
export function uuid(): string {
  return randomUUID();
}

/** As Keystone gives them. */
export function hexId(): string {
  return randomUUID().replaceAll('-', '');
}

export function secretText(): string {
  return randomBytes(32).toString('base64url');
}

export function macAddress(): string {
  return `fa:16:3e:${randomBytes(3)
    .toString('hex')
    .replace(/..(?=.)/g, '$&:')}`;
}

/** Of a public key in OpenSSH's form: MD5, as Nova shows it. */
export function fingerprint(publicKey: string): string {
  const content = Buffer.from(publicKey.trim().split(/\s+/)[1] ?? '', 'base64');
  return createHash('md5')
    .update(content)
    .digest('hex')
    .replace(/..(?=.)/g, '$&:');
}

/** `2026-11-23T06:52:42Z` */
export function seconds(at: number = Date.now()): string {
  return new Date(at).toISOString().replace(/\.\d+/, '');
}

/** `2026-11-23T06:52:42.000000Z` */
export function microseconds(at: number = Date.now()): string {
  return new Date(at).toISOString().replace('Z', '000Z');
}
