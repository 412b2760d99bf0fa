import { type Kysely, sql } from 'kysely';

/** Machines that dial in: the endpoint's keys, one-time tokens, the machines' keys, and who holds which connection. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table agent_endpoint (
      id boolean primary key check (id),
      secret_id uuid not null,
      host_key text not null,
      peer_key text not null
    )`.execute(db);
  await sql`
    create table agent_token (
      hash text primary key,
      instance_id uuid not null references instance (id) on delete cascade,
      expires_at timestamptz not null,
      used_at timestamptz
    )`.execute(db);
  await sql`create index on agent_token (instance_id)`.execute(db);
  await sql`
    create table agent_key (
      instance_id uuid primary key references instance (id) on delete cascade,
      public_key text not null unique,
      enrolled_at timestamptz not null default now()
    )`.execute(db);
  await sql`
    create table agent_tunnel (
      instance_id uuid primary key references instance (id) on delete cascade,
      connection_id uuid not null,
      controller_id text not null,
      endpoint text not null,
      source text not null,
      since timestamptz not null default now()
    )`.execute(db);
}
