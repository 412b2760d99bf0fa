import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecretFile } from './secret-file.ts';

/** The keys that open what the database holds. They live outside of it, so that a dump alone tells nothing. */
export interface MasterKeys {
  readonly file: string;
  /** Encrypts new records. */
  readonly current: { readonly id: string; readonly key: Buffer };
  find(id: string): Buffer | undefined;
}

/**
 * Reads the key file, or creates it at first start. A line is `<id> <32 bytes in base64>`; the first encrypts, the
 * others still open older records.
 */
export function loadOrCreateMasterKeys(file: string): MasterKeys {
  createSecretFile(file, () => `${randomBytes(4).toString('hex')} ${randomBytes(32).toString('base64')}\n`);
  const keys = new Map<string, Buffer>();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line.trim() === '') continue;
    const [, id, text] = /^([0-9a-f]{8}) ([A-Za-z0-9+/]{43}=)$/.exec(line.trim()) ?? [];
    // Never quote the line: it may be most of a key.
    if (!id || !text) throw new Error(`${file}: a line is not "<id> <key in base64>"`);
    keys.set(id, Buffer.from(text, 'base64'));
  }
  const [first] = keys;
  if (!first) throw new Error(`${file}: holds no key`);
  return { file, current: { id: first[0], key: first[1] }, find: (id) => keys.get(id) };
}
