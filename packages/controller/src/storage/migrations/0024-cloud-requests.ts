import { type Kysely, sql } from 'kysely';

/**
 * What a cloud was asked to make, as long as its answer is not heard. It outlives its cluster's row: whoever removes that has to
 * know what may still come.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table cloud_request (
      cluster_id uuid not null,
      what text not null,
      asked_at timestamptz not null default now(),
      primary key (cluster_id, what)
    )`.execute(db);
}
