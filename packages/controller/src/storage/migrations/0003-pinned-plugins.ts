import { type Kysely, sql } from 'kysely';

/** A cluster goes on with the plugin it was made with; those made before have run no script of any. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table cluster add column plugin_hash text`.execute(db);
}
