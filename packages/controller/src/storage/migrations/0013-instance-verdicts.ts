import { type Kysely, sql } from 'kysely';

/** What was last found of each instance, so that a change of it can be told, and those who may not look can read. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table instance_verdict (
      instance_id uuid primary key references instance (id) on delete cascade,
      reachable boolean not null,
      code text,
      reason text,
      hop text,
      phase text,
      message text not null,
      hint text,
      route text,
      since timestamptz not null,
      looked_at timestamptz not null
    )`.execute(db);
}
