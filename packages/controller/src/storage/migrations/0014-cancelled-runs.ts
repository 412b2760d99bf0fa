import { type Kysely, sql } from 'kysely';

/** That a run is to be ended is known to every controller, and outlives each. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table run add column cancelled_at timestamptz`.execute(db);
}
