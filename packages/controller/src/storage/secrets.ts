import { randomUUID } from 'node:crypto';
import type { Kysely, Transaction } from 'kysely';
import type { KeyRing } from './keys/key-ring.ts';
import { keyForNewSecrets } from './keys/master-keys.ts';
import type { Schema } from './schema.ts';
import { seal, sealFormat, unseal } from './sealed.ts';

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

/** `ring`: as `registerKeyHolder` has found it good for this database. */
export function openSecrets(db: Kysely<Schema>, ring: KeyRing): Secrets {
  return {
    async put(purpose, clusterId, plaintext, executor = db) {
      const insert = async (tx: Kysely<Schema>) => {
        const id = randomUUID();
        const { id: key_id, key } = await keyForNewSecrets(tx, ring);
        const row = { id, purpose, cluster_id: clusterId, key_id, format: sealFormat };
        await tx
          .insertInto('secret')
          .values({ ...row, ...seal(row, key, plaintext) })
          .execute();
        return id;
      };
      return executor.isTransaction ? await insert(executor) : await executor.transaction().execute(insert);
    },

    async get(id) {
      const row = await db.selectFrom('secret').selectAll().where('id', '=', id).executeTakeFirst();
      if (!row) throw new Error(`secret ${id} does not exist`);
      const found = ring.find(row.key_id);
      if (!found)
        throw new Error(
          `secret ${id} (${row.purpose}) was encrypted with master key ${row.key_id}, which is not in ` +
            `${ring.source.name}; put that key back`,
        );
      try {
        return unseal(row, found.key);
      } catch (cause) {
        throw new Error(`secret ${id} (${row.purpose}) does not open: its record was changed`, { cause });
      }
    },

    async delete(id, executor = db) {
      await executor.deleteFrom('secret').where('id', '=', id).execute();
    },
  };
}
