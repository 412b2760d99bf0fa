import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Selectable, sql } from 'kysely';
import { expect } from 'vitest';
import { type Database, openDatabase, openPool } from '../../packages/controller/src/storage/database.ts';
import type { SecretTable } from '../../packages/controller/src/storage/key-tables.ts';
import { type MasterKey, parseMasterKeys } from '../../packages/controller/src/storage/keys/master-key.ts';
import { seal, sealFormat, unseal } from '../../packages/controller/src/storage/sealed.ts';
import { plantSecret } from '../set-up/run-folder.ts';
import type { Controller } from '../set-up/start-controller.ts';

export interface KeptSecrets {
  readonly db: Database;
  /** That were put; those by the API are more. */
  readonly count: number;
  /** Each opens with these keys, and is what it was. */
  expectAll(keyLines: string): Promise<void>;
  /** Ids of secrets that open with one of these keys, whichever their rows name, in whichever format. */
  opened(keyLines: string): Promise<string[]>;
  /** Of the keys that encrypt any. */
  keyIds(): Promise<string[]>;
  /** Stores one by the API. */
  addThrough(controller: Controller): Promise<void>;
  /** Keeps everybody else from changing one secret. */
  hold(): Promise<{ release(): Promise<void> }>;
  /** Exchanges two ciphertexts; undone by what it returns. */
  swapTwo(): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

type Row = Selectable<SecretTable>;

/** Puts secrets into a controller's database as it would, with the first of its keys, and knows what they were. */
export async function keepSecrets(
  controller: Controller,
  count: number,
  format = sealFormat,
): Promise<KeptSecrets> {
  const pool = openPool({ url: controller.databaseUrl ?? '' }, 5, () => {});
  const db = openDatabase(pool);
  const known = new Map<string, string>();
  const lines = readFileSync(path.join(controller.data, 'master.key'), 'utf8');
  const [{ id: key_id, key } = missing()] = parseMasterKeys(lines, 'file');
  const rows = Array.from({ length: count }, (_, n) => {
    const place = { id: randomUUID(), purpose: 'test', cluster_id: null, key_id, format };
    const text = `secret ${n}`;
    known.set(place.id, text);
    return { ...place, ...seal(place, key, text) };
  });
  await db.insertInto('secret').values(rows).execute();

  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ format: 'pem', type: 'pkcs1' }).toString();
  plantSecret('identity', pem);
  const identities = { a: { private_key: pem } };
  const place = { address: '127.0.0.1', user: 'u', identity: 'a', is_proxy: true };
  let port = 1;
  let imported: Promise<string> | undefined;
  const cluster = (request: Controller['request']) => {
    const body = {
      name: 'kept',
      identities,
      machines: [{ ...place, name: 'm', port: 1 }],
      trust_first_contact: true,
    };
    imported ??= request('POST', '/v2/clusters/import', body).then(({ status, body: answer }) => {
      expect([status, answer]).toEqual([202, expect.anything()]);
      return answer.cluster.id;
    });
    return imported;
  };

  const all = (): Promise<Row[]> => db.selectFrom('secret').selectAll().orderBy('id').execute();

  return {
    db,
    count,

    async expectAll(keyLines) {
      const keys = parseMasterKeys(keyLines, 'file');
      const found = await all();
      const wrong = found.filter((row) => {
        const own = keys.find(({ id }) => id === row.key_id);
        const text = own && unseal(row, own.key).toString();
        return text === undefined || (row.purpose === 'test' && text !== known.get(row.id));
      });
      expect(wrong.map(({ id }) => id)).toEqual([]);
      expect(found.filter(({ purpose }) => purpose === 'test')).toHaveLength(count);
    },

    async opened(keyLines) {
      const keys = parseMasterKeys(keyLines, 'file');
      return (await all()).filter((row) => keys.some((each) => opens(row, each))).map(({ id }) => id);
    },

    async keyIds() {
      const found = await db.selectFrom('secret').select('key_id').distinct().orderBy('key_id').execute();
      return found.map((each) => each.key_id);
    },

    async addThrough({ request }) {
      const path = `/v2/clusters/${await cluster(request)}/machines`;
      const machine = { ...place, name: `m-${randomUUID()}`, port: ++port };
      const body = { identities, machines: [machine], trust_first_contact: true };
      const answer = await request('POST', path, body);
      expect([answer.status, answer.body]).toEqual([201, expect.anything()]);
    },

    async hold() {
      const client = await pool.connect();
      await client.query('set idle_in_transaction_session_timeout = 0');
      await client.query('begin');
      await client.query('select id from secret order by id desc limit 1 for update');
      return {
        async release() {
          await client.query('rollback');
          client.release();
        },
      };
    },

    async swapTwo() {
      const [one, other] = (await all()).filter(({ purpose }) => purpose === 'test');
      if (!one || !other) throw new Error('there are no two secrets');
      const put = async (to: Row, { nonce, ciphertext }: Row) => {
        await db
          .updateTable('secret')
          .set({ nonce, ciphertext, reseal_failed_at: sql<Date>`null` })
          .where('id', '=', to.id)
          .execute();
      };
      await put(one, other);
      await put(other, one);
      return async () => {
        await put(one, one);
        await put(other, other);
      };
    },

    async close() {
      await pool.end();
    },
  };
}

function opens(row: Row, { id, key }: MasterKey): boolean {
  return [1, 2].some((format) =>
    [row.key_id, id].some((key_id) => {
      try {
        unseal({ ...row, key_id, format }, key);
        return true;
      } catch {
        return false;
      }
    }),
  );
}

function missing(): never {
  throw new Error('the key file is empty');
}
