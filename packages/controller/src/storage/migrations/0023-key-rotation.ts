import { type Kysely, sql } from 'kysely';

/**
 * Keys of clusters that are being replaced by others, and how far that is on each machine. What a connection still asks for by
 * the id of a replaced secret finds the new one by `replaced_secret`.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table key_rotation (
      id uuid primary key,
      cluster_id uuid not null references cluster (id) on delete cascade,
      kind text not null check (kind in ('management', 'host')),
      machines_secret_id uuid references secret (id),
      proxies_secret_id uuid references secret (id),
      passes integer not null default 0,
      due_at timestamptz not null default now(),
      created_at timestamptz not null default now(),
      finished_at timestamptz
    )`.execute(db);
  await sql`create unique index on key_rotation (cluster_id, kind) where finished_at is null`.execute(db);
  await sql`create index on key_rotation (cluster_id, created_at)`.execute(db);
  await sql`create index on key_rotation (due_at) where finished_at is null`.execute(db);
  await sql`
    create table key_rotation_machine (
      rotation_id uuid not null references key_rotation (id) on delete cascade,
      instance_id uuid not null references instance (id) on delete cascade,
      state text not null default 'pending' check (state in ('pending', 'replaced', 'done')),
      old_secret_id uuid,
      new_host_keys jsonb,
      problem jsonb,
      updated_at timestamptz not null default now(),
      primary key (rotation_id, instance_id)
    )`.execute(db);
  await sql`create index on key_rotation_machine (instance_id)`.execute(db);
  await sql`
    create table replaced_secret (
      old_id uuid not null,
      new_id uuid not null references secret (id) on delete cascade,
      primary key (old_id, new_id)
    )`.execute(db);
  await sql`create index on replaced_secret (new_id)`.execute(db);
}
