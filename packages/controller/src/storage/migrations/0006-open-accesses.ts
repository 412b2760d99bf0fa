import { type Kysely, sql } from 'kysely';

/** What has begun in the audit log and not ended: what is said of its end when its controller dies before. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table open_access (
      id uuid primary key,
      owner text not null,
      project_id text not null,
      about text not null
    )`.execute(db);
  await sql`create index on open_access (owner)`.execute(db);
}
