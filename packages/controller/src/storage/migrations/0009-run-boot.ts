import { type Kysely, sql } from 'kysely';

/** The boot of the machine that a run belongs to. Of runs that began before this, the machines know nothing. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table run_target add column boot_id text`.execute(db);
}
