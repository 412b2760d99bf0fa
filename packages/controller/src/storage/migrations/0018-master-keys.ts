import { type Kysely, sql } from 'kysely';

/**
 * Which master key is the current one, and which controllers know which: a key is changed while they run. A secret refers
 * to its key, so that none can be stored with one that is gone. `format` 1 is what there was: bound to its row; these
 * are encrypted again by the controllers.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table master_key (
      id text primary key,
      fingerprint text,
      is_current boolean not null default false,
      created_at timestamptz not null default now()
    )`.execute(db);
  await sql`create unique index on master_key (is_current) where is_current`.execute(db);
  await sql`insert into master_key (id) select distinct key_id from secret`.execute(db);
  await sql`
    alter table secret
      add column format integer not null default 1 check (format in (1, 2)),
      add column reseal_failed_at timestamptz,
      add foreign key (key_id) references master_key (id)`.execute(db);
  await sql`create index on secret (key_id)`.execute(db);
  await sql`create index on secret (id) where format < 2`.execute(db);
  await sql`
    create table key_holder (
      controller_id uuid primary key,
      name text not null,
      source text not null,
      keys jsonb not null,
      problem text,
      asked integer not null default 0,
      answered integer not null default 0,
      seen_at timestamptz not null default now()
    )`.execute(db);
}
