import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/** What names a secret in the database. Its ciphertext opens only there. */
export interface SealedPlace {
  readonly id: string;
  readonly purpose: string;
  readonly cluster_id: string | null;
  /** Of the master key. */
  readonly key_id: string;
  /** How it is bound to its place: 1 to table and row, 2 to table, column and row. New ones are 2. */
  readonly format: number;
}

export interface Sealed {
  readonly nonce: Buffer;
  readonly ciphertext: Buffer;
}

/** The newest. */
export const sealFormat = 2;

/** AES-256-GCM; the tag is the end of the ciphertext. */
export function seal(place: SealedPlace, master: Buffer, plaintext: string | Buffer): Sealed {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', recordKey(master, place.id), nonce);
  cipher.setAAD(associatedData(place));
  return {
    nonce,
    ciphertext: Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]),
  };
}

/** Throws when it was changed, or is not where it was sealed for. */
export function unseal(place: SealedPlace & Sealed, master: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', recordKey(master, place.id), place.nonce);
  decipher.setAAD(associatedData(place));
  decipher.setAuthTag(place.ciphertext.subarray(-16));
  return Buffer.concat([decipher.update(place.ciphertext.subarray(0, -16)), decipher.final()]);
}

/** A key per record: a repeated random nonce under the master key can then never meet another record. */
function recordKey(master: Buffer, id: string): Buffer {
  return Buffer.from(hkdfSync('sha256', master, id, 'wadi secret record', 32));
}

/** The format is part of it from 2 on, so that relabelling it opens nothing. */
function associatedData({ id, purpose, cluster_id, key_id, format }: SealedPlace): Buffer {
  const row = [id, purpose, cluster_id, key_id];
  const place = format === 1 ? ['secret', ...row] : ['wadi', format, 'secret', 'ciphertext', ...row];
  return Buffer.from(JSON.stringify(place));
}
