import { type Kysely, sql } from 'kysely';

/**
 * Imported clusters are scaled: their machines wait in a pool (`spare`) or are in use. A machine that was taken back keeps
 * the host key that was pinned while it was in use, and with it who vouches for the key; a machine may belong to a node
 * group that the cluster does not have yet, so it says itself whether it is a proxy.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table inventory_machine
      add column is_proxy boolean not null default false,
      add column spare boolean not null default false,
      add column host_key_source text`.execute(db);
  await sql`
    alter table inventory_machine
      alter column is_proxy drop default,
      alter column spare drop default`.execute(db);
  await sql`update inventory_machine set host_key_source = 'given' where host_keys <> '[]'`.execute(db);
  await sql`
    update inventory_machine as machine set is_proxy = node_group.is_proxy
    from node_group
    where node_group.cluster_id = machine.cluster_id and node_group.name = machine.node_group_name`.execute(
    db,
  );
  // Machines that come later must not bear a name that one has already; an import has always refused that.
  await sql`
    create unique index inventory_machine_name on inventory_machine (cluster_id, lower(name))`.execute(db);
}
