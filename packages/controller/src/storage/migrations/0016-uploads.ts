import { type Kysely, sql } from 'kysely';

/** Files on their way to machines. The bytes are on the machines alone; here is what it takes to go on with them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table upload (
      id uuid primary key,
      project_id text not null references project (id),
      cluster_id uuid not null references cluster (id) on delete cascade,
      request_digest text not null,
      path text not null,
      size bigint not null,
      sha256 text not null,
      mode integer,
      as_root boolean not null,
      status text not null check (status in ('receiving', 'finished', 'cancelled')),
      asked_by jsonb not null,
      created_at timestamptz not null default now(),
      touched_at timestamptz not null default now(),
      finished_at timestamptz
    )`.execute(db);
  await sql`create index on upload (touched_at) where status = 'receiving'`.execute(db);
  await sql`create index on upload (cluster_id)`.execute(db);
  await sql`
    create table upload_target (
      upload_id uuid not null references upload (id) on delete cascade,
      instance_id uuid not null,
      instance_name text not null,
      status text not null check (status in ('receiving', 'done', 'failed', 'cancelled')),
      byte_offset bigint not null default 0,
      route text,
      error jsonb,
      finished_at timestamptz,
      primary key (upload_id, instance_id)
    )`.execute(db);
}
