import { type Kysely, sql } from 'kysely';

/** Clusters grow and shrink by a plan that outlives the controller, and have a last verification. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table scaling (
      id uuid primary key,
      cluster_id uuid not null references cluster (id) on delete cascade,
      plan jsonb not null,
      created_at timestamptz not null default now(),
      finished_at timestamptz
    )`.execute(db);
  // Of those under way a cluster has one: its status is compared and set before.
  await sql`create unique index on scaling (cluster_id) where finished_at is null`.execute(db);
  await sql`
    create table verification (
      id uuid primary key,
      cluster_id uuid not null unique references cluster (id) on delete cascade,
      status text not null check (status in ('CHECKING', 'GREEN', 'YELLOW', 'RED')),
      created_at timestamptz not null default now(),
      updated_at timestamptz
    )`.execute(db);
  await sql`
    create table verification_check (
      id uuid primary key,
      verification_id uuid not null references verification (id) on delete cascade,
      position integer not null,
      name text not null,
      status text not null check (status in ('GREEN', 'YELLOW', 'RED')),
      description text not null,
      created_at timestamptz not null default now(),
      updated_at timestamptz
    )`.execute(db);
  await sql`create index on verification_check (verification_id, position)`.execute(db);
}
