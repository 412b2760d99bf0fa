import { type Kysely, sql } from 'kysely';

/**
 * What tells this installation from others that make things in the same project of a cloud. Made once, here: several controllers
 * of one database are one installation.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table installation (
      only_one boolean primary key default true check (only_one),
      id uuid not null default gen_random_uuid()
    )`.execute(db);
  await sql`insert into installation default values`.execute(db);
}
