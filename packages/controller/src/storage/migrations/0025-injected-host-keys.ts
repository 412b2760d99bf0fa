import { type Kysely, sql } from 'kysely';

/** Host keys that were given to machines which cannot tell their own, until they have made others. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table instance add column injected_host_secret_id uuid`.execute(db);
}
