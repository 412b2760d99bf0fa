import { type Kysely, sql } from 'kysely';

/**
 * What proxies and machines are to do besides what their node groups say, and since when every proxy of a cluster is
 * unusable. The addresses by which machines that may be promoted can be dialled.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table proxy_duty (
      instance_id uuid primary key references instance (id) on delete cascade,
      duty text not null check (duty in ('drained', 'promoted', 'fenced')),
      address text,
      port integer,
      since timestamptz not null default now(),
      deadline timestamptz
    )`.execute(db);
  await sql`
    create table proxy_watch (
      cluster_id uuid primary key references cluster (id) on delete cascade,
      usable_at timestamptz not null,
      looked_at timestamptz not null,
      acting_until timestamptz
    )`.execute(db);
  await sql`alter table inventory_machine add column management_address text`.execute(db);
}
