import { type Kysely, sql } from 'kysely';

/** What is known of clusters that Sahara made, besides what every cluster has. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table adoption (
      cluster_id uuid primary key references cluster (id) on delete cascade,
      work_id uuid not null default gen_random_uuid(),
      sahara_public_key text not null,
      heat_stack text,
      created_at timestamptz not null default now()
    )`.execute(db);
}
