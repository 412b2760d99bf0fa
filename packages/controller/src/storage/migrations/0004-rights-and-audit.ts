import { type Kysely, sql } from 'kysely';

/** Restricted tokens, root as a grant of the project, and a record of every access that nobody can change unseen. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table project add member_root boolean not null default false`.execute(db);
  await sql`alter table api_token add rights text[]`.execute(db);
  await sql`alter table run add asked_by jsonb not null default '{}'`.execute(db);
  await sql`
    create table audit (
      project_id text not null,
      sequence bigint not null,
      at timestamptz not null,
      record text not null,
      previous text not null,
      hash text not null,
      primary key (project_id, sequence)
    )`.execute(db);
  await sql`create index audit_at on audit (project_id, at)`.execute(db);
  await sql`
    create table audit_chain (
      project_id text primary key,
      sequence bigint not null default 0,
      hash text not null default repeat('0', 64),
      removed_sequence bigint not null default 0,
      removed_hash text not null default repeat('0', 64)
    )`.execute(db);
  // Retention alone may delete, and says so for its own transaction. Who can do more, as the owner of the tables can, is
  // found out by the chain.
  await sql`
    create function audit_is_append_only() returns trigger language plpgsql as $$
    begin
      if tg_op = 'DELETE' and current_setting('wadi.audit_retention', true) = 'on' then
        return old;
      end if;
      raise exception 'the audit log is only ever added to';
    end $$`.execute(db);
  await sql`
    create trigger audit_rows before update or delete on audit
      for each row execute function audit_is_append_only()`.execute(db);
  await sql`
    create trigger audit_table before truncate on audit
      for each statement execute function audit_is_append_only()`.execute(db);
}
