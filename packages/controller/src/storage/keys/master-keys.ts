import { type Kysely, sql } from 'kysely';
import { type AuditRecord, appendAudit } from '../audit.ts';
import type { Schema } from '../schema.ts';
import { sealFormat } from '../sealed.ts';
import type { KeyRing } from './key-ring.ts';
import { KeySourceError, type MasterKey } from './master-key.ts';

/** Wakes the controllers: their sources are to be read again, or there is work with keys. */
export const keyChannel = 'wadi_master_key';

/** Until the transaction ends nobody else says which key is used, begins to use keys, or writes a key file. */
export async function lockKeys(tx: Kysely<Schema>): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('wadi master keys', 0))`.execute(tx);
}

/** Whether nothing was ever encrypted here. */
export async function isFirstKey(db: Kysely<Schema>): Promise<boolean> {
  return (await db.selectFrom('master_key').select('id').limit(1).executeTakeFirst()) === undefined;
}

export interface KeyUse {
  readonly id: string;
  readonly fingerprint: string | null;
  readonly is_current: boolean;
  /** Encrypted with it. */
  readonly secrets: number;
}

/** The current one, and those that are to go. */
export async function keysInUse(db: Kysely<Schema>): Promise<KeyUse[]> {
  const { rows } = await sql<KeyUse>`
    select id, fingerprint, is_current,
      (select count(*)::int from secret where key_id = master_key.id) as secrets
    from master_key order by is_current desc, created_at, id`.execute(db);
  return rows;
}

export async function currentKeyId(db: Kysely<Schema>): Promise<string | undefined> {
  const row = await db
    .selectFrom('master_key')
    .select('id')
    .where('is_current', '=', true)
    .executeTakeFirst();
  return row?.id;
}

/** Held until the transaction ends: the key does not go while a secret is on its way to it. */
export async function keyForNewSecrets(tx: Kysely<Schema>, ring: KeyRing): Promise<MasterKey> {
  const row = await tx
    .selectFrom('master_key')
    .select('id')
    .where('is_current', '=', true)
    .forKeyShare()
    .executeTakeFirst();
  const key = row && ring.find(row.id);
  if (!key)
    throw new Error(`master key ${row?.id ?? '(none)'} is current, and is not in ${ring.source.name}`);
  return key;
}

/**
 * Holds the keys of a controller that starts against the database's; the first of the first controller becomes the
 * current one. Throws KeySourceError when one is missing: better at start than in the middle of a cluster's life. With
 * `lockKeys`.
 */
export async function adoptKeys(tx: Kysely<Schema>, ring: KeyRing): Promise<void> {
  const rows = await keysInUse(tx);
  const missing = rows
    .filter((row) => (row.is_current || row.secrets > 0) && !ring.find(row.id))
    .map((row) => row.id);
  if (missing.length > 0)
    throw new KeySourceError(
      `the database holds secrets encrypted with master key ${missing.join(', ')}, which is not in ${ring.source.name}: ` +
        'put that key into it; controllers that share a database have the same keys (master_key_file)',
    );
  for (const { id, fingerprint } of rows) {
    const known = ring.find(id)?.fingerprint;
    if (known === undefined || known === fingerprint) continue;
    if (fingerprint !== null)
      throw new KeySourceError(
        `${ring.source.name}: its master key ${id} is another one (${known}) than that of the database (${fingerprint})`,
      );
    await tx.updateTable('master_key').set({ fingerprint: known }).where('id', '=', id).execute();
  }
  if (!rows.some((row) => row.is_current)) await makeCurrent(tx, ring.first);
}

/** With `lockKeys`, and when all controllers know the key. */
export async function makeCurrent(tx: Kysely<Schema>, { id, fingerprint }: MasterKey): Promise<void> {
  await tx.updateTable('master_key').set({ is_current: false }).where('is_current', '=', true).execute();
  await tx
    .insertInto('master_key')
    .values({ id, fingerprint, is_current: true })
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ is_current: true }))
    .execute();
}

/** Secrets that are not yet encrypted as new ones are, and how many of them do not open. */
export async function countRemaining(
  db: Kysely<Schema>,
): Promise<{ total: number; remaining: number; unreadable: number }> {
  const { rows } = await sql<{ total: number; remaining: number; unreadable: number }>`
    select count(*)::int as total,
      (count(*) filter (where old))::int as remaining,
      (count(*) filter (where old and reseal_failed_at is not null))::int as unreadable
    from (
      select reseal_failed_at, format < ${sealFormat} or not is_current as old
      from secret join master_key on master_key.id = secret.key_id) as secrets`.execute(db);
  return rows[0] ?? { total: 0, remaining: 0, unreadable: 0 };
}

/** Removes those that encrypt nothing any more; a secret that comes after all is refused by the database. */
export async function retireKeys(
  db: Kysely<Schema>,
  record: (key: { id: string; fingerprint: string | null }) => AuditRecord,
): Promise<void> {
  const unused = (await keysInUse(db)).filter((row) => !row.is_current && row.secrets === 0);
  for (const { id } of unused)
    await db.transaction().execute(async (tx) => {
      const gone = await tx
        .deleteFrom('master_key')
        .where('id', '=', id)
        .where('is_current', '=', false)
        .returning(['id', 'fingerprint'])
        .executeTakeFirst();
      if (gone) await appendAudit(tx, [record(gone)]);
    });
}
