import { type Kysely, sql } from 'kysely';

/** The first tables. Later migrations only go forward. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table project (
      id text primary key,
      name text not null,
      created_at timestamptz not null default now()
    )`.execute(db);
  await sql`
    create table api_token (
      id uuid primary key,
      project_id text not null references project (id),
      name text not null,
      role text not null check (role in ('reader', 'member', 'admin')),
      hash text not null unique,
      created_at timestamptz not null default now(),
      expires_at timestamptz,
      last_used_at timestamptz,
      revoked_at timestamptz
    )`.execute(db);
  await sql`
    create table node_group_template (
      id uuid primary key,
      project_id text not null references project (id),
      name text not null,
      plugin_name text not null,
      plugin_version text not null,
      is_public boolean not null,
      is_protected boolean not null,
      spec jsonb not null,
      created_at timestamptz not null default now(),
      updated_at timestamptz,
      unique (project_id, name)
    )`.execute(db);
  await sql`
    create table cluster_template (
      id uuid primary key,
      project_id text not null references project (id),
      name text not null,
      plugin_name text not null,
      plugin_version text not null,
      is_public boolean not null,
      is_protected boolean not null,
      spec jsonb not null,
      node_groups jsonb not null,
      created_at timestamptz not null default now(),
      updated_at timestamptz,
      unique (project_id, name)
    )`.execute(db);
  await sql`
    create table cluster (
      id uuid primary key,
      project_id text not null references project (id),
      name text not null,
      plugin_name text not null,
      plugin_version text not null,
      cluster_template_id uuid references cluster_template (id),
      cloud text not null,
      status text not null,
      status_description text not null default '',
      is_public boolean not null,
      is_protected boolean not null,
      spec jsonb not null,
      info jsonb not null default '{}',
      access jsonb not null default '{}',
      management_public_key text,
      management_secret_id uuid,
      proxy_secret_id uuid,
      revision integer not null default 1,
      created_at timestamptz not null default now(),
      updated_at timestamptz,
      unique (project_id, name)
    )`.execute(db);
  await sql`
    create table secret (
      id uuid primary key,
      purpose text not null,
      cluster_id uuid references cluster (id) on delete cascade,
      key_id text not null,
      nonce bytea not null,
      ciphertext bytea not null,
      created_at timestamptz not null default now()
    )`.execute(db);
  await sql`
    create table node_group (
      id uuid primary key,
      cluster_id uuid not null references cluster (id) on delete cascade,
      position integer not null,
      name text not null,
      count integer not null check (count >= 0),
      is_proxy boolean not null,
      node_group_template_id uuid references node_group_template (id),
      spec jsonb not null,
      created_at timestamptz not null default now(),
      updated_at timestamptz,
      unique (cluster_id, name)
    )`.execute(db);
  await sql`
    create table instance (
      id uuid primary key,
      cluster_id uuid not null references cluster (id) on delete cascade,
      node_group_id uuid not null references node_group (id) on delete cascade,
      index integer not null,
      name text not null,
      cloud_instance_id text,
      internal_ip text,
      management_ip text,
      ssh_port integer not null default 22,
      management_port integer,
      login_user text,
      credential_secret_id uuid,
      host_keys jsonb not null default '[]',
      host_key_source text,
      created_at timestamptz not null default now(),
      updated_at timestamptz,
      unique (cluster_id, name),
      unique (node_group_id, index)
    )`.execute(db);
  await sql`
    create table inventory_machine (
      cluster_id uuid not null references cluster (id) on delete cascade,
      node_group_name text not null,
      index integer not null,
      name text not null,
      address text not null,
      ssh_port integer not null,
      login_user text not null,
      host_keys jsonb not null,
      credential_secret_id uuid not null,
      primary key (cluster_id, node_group_name, index)
    )`.execute(db);
  await sql`
    create table provision_step (
      id uuid primary key,
      cluster_id uuid not null references cluster (id) on delete cascade,
      step_name text not null,
      step_type text not null,
      total integer not null,
      successful boolean,
      created_at timestamptz not null default now(),
      updated_at timestamptz
    )`.execute(db);
  await sql`create index on provision_step (cluster_id, created_at)`.execute(db);
  await sql`
    create table provision_event (
      id uuid primary key,
      step_id uuid not null references provision_step (id) on delete cascade,
      node_group_id uuid,
      instance_id uuid,
      instance_name text,
      event_info text,
      successful boolean not null,
      created_at timestamptz not null default now(),
      updated_at timestamptz
    )`.execute(db);
  await sql`create index on provision_event (step_id, created_at)`.execute(db);
  // Events outlive their cluster: no foreign key.
  await sql`
    create table event (
      sequence bigint generated always as identity primary key,
      project_id text not null references project (id),
      cluster_id uuid,
      type text not null,
      body jsonb not null,
      created_at timestamptz not null default now()
    )`.execute(db);
  await sql`create index on event (cluster_id, sequence)`.execute(db);
  await sql`
    create table run (
      id uuid primary key,
      project_id text not null references project (id),
      cluster_id uuid not null references cluster (id) on delete cascade,
      request_digest text not null,
      command jsonb not null,
      as_root boolean not null,
      input_secret_id uuid,
      timeout_seconds double precision,
      max_output_bytes bigint not null,
      status text not null check (status in ('running', 'finished', 'cancelled')),
      owner text not null,
      created_at timestamptz not null default now(),
      finished_at timestamptz
    )`.execute(db);
  await sql`create index on run (cluster_id, created_at)`.execute(db);
  await sql`create index on run (owner) where status = 'running'`.execute(db);
  await sql`
    create table run_target (
      run_id uuid not null references run (id) on delete cascade,
      instance_id uuid not null,
      instance_name text not null,
      route text,
      status text not null,
      exit_status integer,
      signal text,
      error jsonb,
      stdout_bytes bigint not null default 0,
      stderr_bytes bigint not null default 0,
      truncated boolean not null default false,
      started_at timestamptz,
      finished_at timestamptz,
      primary key (run_id, instance_id)
    )`.execute(db);
  await sql`
    create table run_output (
      run_id uuid not null,
      instance_id uuid not null,
      stream text not null check (stream in ('stdout', 'stderr')),
      byte_offset bigint not null,
      chunk bytea not null,
      primary key (run_id, instance_id, stream, byte_offset),
      foreign key (run_id, instance_id) references run_target (run_id, instance_id) on delete cascade
    )`.execute(db);
}
