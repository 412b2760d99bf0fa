import { type Kysely, sql } from 'kysely';

/** Who let the controller act for a project, and until when. What it takes to use one is the controller's own credential. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table delegation (
      project_id text not null references project (id),
      user_id text not null,
      user_name text not null,
      trust_id text not null,
      roles jsonb not null,
      expires_at timestamptz not null,
      renewed_at timestamptz not null default now(),
      dead_since timestamptz,
      primary key (project_id, user_id)
    )`.execute(db);
}
