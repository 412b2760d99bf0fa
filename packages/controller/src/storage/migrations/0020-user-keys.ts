import { type Kysely, sql } from 'kysely';

/** Who is let in besides the controller: names of key pairs are users' own, and mean nothing to who asks later. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table cluster add column user_public_key text`.execute(db);
}
