import { createHmac, randomBytes } from 'node:crypto';

/** A key that opens what the database holds. It lives outside of it, so that a dump alone tells nothing. */
export interface MasterKey {
  readonly id: string;
  /** 16 hex digits by which two keys are told apart; nothing of the key can be learnt from it. */
  readonly fingerprint: string;
  /** 32 bytes. */
  readonly key: Buffer;
}

/** What is wrong with where the keys come from. Its text never holds anything of a key. */
export class KeySourceError extends Error {
  override readonly name = 'KeySourceError';
}

/** More are a mistake: of another file, or of a program that does not end. */
const mostKeys = 32;

export function newMasterKey(): MasterKey {
  const key = randomBytes(32);
  return { id: fingerprintOf(key), fingerprint: fingerprintOf(key), key };
}

export function lineOf({ id, key }: MasterKey): string {
  return `${id} ${key.toString('base64')}\n`;
}

/**
 * Reads the lines of a key source, each `<32 bytes in base64>`, or the same behind an id. An id of 16 digits is the
 * key's fingerprint; one of 8 is a name only. Throws KeySourceError; `where` begins its text.
 */
export function parseMasterKeys(text: string, where: string): readonly MasterKey[] {
  const keys = new Map<string, MasterKey>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const at = `${where}: line ${index + 1}`;
    const [, given, encoded] =
      /^(?:([0-9a-f]{8}|[0-9a-f]{16}) )?([A-Za-z0-9+/]{43}=)$/.exec(line.trim()) ?? [];
    // Never quote the line: it may be most of a key.
    if (!encoded) throw new KeySourceError(`${at} is not "<id> <key in base64>" or "<key in base64>"`);
    const key = Buffer.from(encoded, 'base64');
    const fingerprint = fingerprintOf(key);
    const id = given ?? fingerprint;
    if (id.length === 16 && id !== fingerprint)
      throw new KeySourceError(
        `${at}: the key does not belong to the id ${id}, which is another one's fingerprint`,
      );
    if ((keys.get(id)?.fingerprint ?? fingerprint) !== fingerprint)
      throw new KeySourceError(`${at}: another key has the id ${id} already`);
    keys.set(id, { id, fingerprint, key });
  }
  if (keys.size === 0) throw new KeySourceError(`${where}: holds no key`);
  if (keys.size > mostKeys) throw new KeySourceError(`${where}: holds more than ${mostKeys} keys`);
  return [...keys.values()];
}

function fingerprintOf(key: Buffer): string {
  return createHmac('sha256', key).update('wadi master key').digest('hex').slice(0, 16);
}
