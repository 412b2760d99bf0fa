import { type Kysely, sql } from 'kysely';
import type { Schema } from '../schema.ts';
import { keyChannel } from './master-keys.ts';

/** A controller, and the master keys that it knows. */
export interface KeyHolder {
  readonly controller_id: string;
  /** Where it runs, for people. */
  readonly name: string;
  readonly source: string;
  readonly keys: readonly { readonly id: string; readonly fingerprint: string }[];
  /** Why its source could not be read the last time. */
  readonly problem: string | null;
  /** How often it was asked to read its source again, and which of these it has obeyed. */
  readonly asked: number;
  readonly answered: number;
}

/** Seconds of silence after which a controller is gone. It has lost its lease long before, and exits should it wake up. */
const patience = 15;

export async function saveHolder(db: Kysely<Schema>, holder: Omit<KeyHolder, 'asked'>): Promise<void> {
  const row = { ...holder, keys: JSON.stringify(holder.keys), seen_at: sql<Date>`now()` };
  await db
    .insertInto('key_holder')
    .values(row)
    .onConflict((conflict) => conflict.column('controller_id').doUpdateSet(row))
    .execute();
}

/** Says that the controller lives, and returns how often it was asked to read. */
export async function touchHolder(db: Kysely<Schema>, controllerId: string): Promise<number> {
  const row = await db
    .updateTable('key_holder')
    .set({ seen_at: sql<Date>`now()` })
    .where('controller_id', '=', controllerId)
    .returning('asked')
    .executeTakeFirst();
  return row?.asked ?? 0;
}

export async function removeHolder(db: Kysely<Schema>, controllerId: string): Promise<void> {
  await db.deleteFrom('key_holder').where('controller_id', '=', controllerId).execute();
}

/** Those that live. */
export async function listHolders(db: Kysely<Schema>): Promise<KeyHolder[]> {
  return await db
    .selectFrom('key_holder')
    .select(['controller_id', 'name', 'source', 'keys', 'problem', 'asked', 'answered'])
    .where('seen_at', '>', sql<Date>`now() - make_interval(secs => ${patience})`)
    .orderBy('name')
    .orderBy('controller_id')
    .execute();
}

/** Lets every controller read its source again; the dead ones are forgotten. */
export async function askHolders(db: Kysely<Schema>): Promise<void> {
  await db
    .deleteFrom('key_holder')
    .where('seen_at', '<', sql<Date>`now() - make_interval(hours => 1)`)
    .execute();
  await db.updateTable('key_holder').set({ asked: sql<number>`asked + 1` }).execute();
  await wakeHolders(db);
}

export async function wakeHolders(db: Kysely<Schema>): Promise<void> {
  await sql`select pg_notify(${keyChannel}, '')`.execute(db);
}
