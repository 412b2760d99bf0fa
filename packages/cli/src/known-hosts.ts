import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * The keys that an OpenSSH known_hosts file holds for a machine (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT): plain
 * and hashed names, `[host]:port`, wildcards, negation. Keys marked revoked are left out; certificate authorities
 * are not supported and skipped.
 */
export function keysOf(knownHosts: string, host: string, port: number): string[] {
  // A machine at the usual port is listed by its bare name, at another one only with it.
  const name = port === 22 ? host : `[${host}]:${port}`;
  const keys = new Set<string>();
  const revoked = new Set<string>();
  for (const line of knownHosts.split('\n')) {
    const words = line.trim().split(/\s+/);
    const marker = words[0]?.startsWith('@') ? words.shift() : undefined;
    const [patterns, type, blob] = words;
    if (!patterns || patterns.startsWith('#') || !type || !blob) continue;
    if (!matches(patterns, name)) continue;
    if (marker === '@revoked') revoked.add(`${type} ${blob}`);
    else if (marker === undefined) keys.add(`${type} ${blob}`);
  }
  return [...keys].filter((key) => !revoked.has(key));
}

function matches(patterns: string, name: string): boolean {
  if (patterns.startsWith('|1|')) return matchesHash(patterns, name);
  let found = false;
  for (const pattern of patterns.toLowerCase().split(',')) {
    const negated = pattern.startsWith('!');
    if (!wildcard(negated ? pattern.slice(1) : pattern).test(name.toLowerCase())) continue;
    if (negated) return false;
    found = true;
  }
  return found;
}

function wildcard(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`);
}

/** `|1|salt|HMAC-SHA1(salt, name)`, base64. */
function matchesHash(text: string, name: string): boolean {
  const [, , salt = '', hash = ''] = text.split('|');
  const wanted = Buffer.from(hash, 'base64');
  const own = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  return wanted.length === own.length && timingSafeEqual(wanted, own);
}
