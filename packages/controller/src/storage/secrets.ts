import { createCipheriv, createDecipheriv, hkdfSync, randomBytes, randomUUID } from 'node:crypto';
import type { Kysely, Transaction } from 'kysely';
import type { MasterKeys } from './master-key.ts';
import type { Schema } from './schema.ts';

type Executor = Kysely<Schema> | Transaction<Schema>;

/** Private keys and the like, encrypted before they reach the database. */
export interface Secrets {
  /** Stores it and returns its id. `clusterId`: it is removed with that cluster. */
  put(
    purpose: string,
    clusterId: string | null,
    plaintext: string | Buffer,
    executor?: Executor,
  ): Promise<string>;
  /** Throws when there is none, or when it was tampered with, moved to another row, or its key is missing. */
  get(id: string): Promise<Buffer>;
  /** Removing what is gone succeeds. */
  delete(id: string, executor?: Executor): Promise<void>;
}

export function openSecrets(db: Kysely<Schema>, keys: MasterKeys): Secrets {
  return {
    async put(purpose, clusterId, plaintext, executor = db) {
      const id = randomUUID();
      const row = { id, purpose, cluster_id: clusterId, key_id: keys.current.id };
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', recordKey(keys.current.key, id), nonce);
      cipher.setAAD(associatedData(row));
      const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
      await executor
        .insertInto('secret')
        .values({ ...row, nonce, ciphertext })
        .execute();
      return id;
    },

    async get(id) {
      const row = await db.selectFrom('secret').selectAll().where('id', '=', id).executeTakeFirst();
      if (!row) throw new Error(`secret ${id} does not exist`);
      const key = keys.find(row.key_id);
      if (!key)
        throw new Error(
          `secret ${id} (${row.purpose}) was encrypted with master key ${row.key_id}, which is not in ${keys.file}; ` +
            'put that key file back',
        );
      const decipher = createDecipheriv('aes-256-gcm', recordKey(key, id), row.nonce);
      decipher.setAAD(associatedData(row));
      decipher.setAuthTag(row.ciphertext.subarray(-16));
      try {
        return Buffer.concat([decipher.update(row.ciphertext.subarray(0, -16)), decipher.final()]);
      } catch (cause) {
        throw new Error(`secret ${id} (${row.purpose}) does not open: its record was changed`, { cause });
      }
    },

    async delete(id, executor = db) {
      await executor.deleteFrom('secret').where('id', '=', id).execute();
    },
  };
}

/** Throws when the database holds what these keys do not open: better at start than in the middle of a cluster's life. */
export async function checkMasterKeys(db: Kysely<Schema>, keys: MasterKeys): Promise<void> {
  const rows = await db.selectFrom('secret').select('key_id').distinct().execute();
  const missing = rows.map((row) => row.key_id).filter((id) => !keys.find(id));
  if (missing.length === 0) return;
  throw new Error(
    `the database holds secrets encrypted with master key ${missing.join(', ')}, which is not in ${keys.file}: put the ` +
      'lines of that key file into it; controllers that share a database share the file (master_key_file)',
  );
}

/** A key per record: a repeated random nonce under the master key can then never meet another record. */
function recordKey(master: Buffer, id: string): Buffer {
  return Buffer.from(hkdfSync('sha256', master, id, 'wadi secret record', 32));
}

/** Ties the ciphertext to its row: swapped or relabelled ciphertexts do not open. */
function associatedData(row: {
  id: string;
  purpose: string;
  cluster_id: string | null;
  key_id: string;
}): Buffer {
  return Buffer.from(JSON.stringify(['secret', row.id, row.purpose, row.cluster_id, row.key_id]));
}
