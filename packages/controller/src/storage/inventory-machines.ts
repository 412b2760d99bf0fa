import { type ExpressionBuilder, type Insertable, type Kysely, type Selectable, sql } from 'kysely';
import type { InventoryMachineTable, Schema } from './schema.ts';

export type InventoryMachine = Selectable<InventoryMachineTable>;

export async function insertInventoryMachines(
  db: Kysely<Schema>,
  machines: readonly Insertable<InventoryMachineTable>[],
): Promise<void> {
  // In slices: a statement has at most 65535 parameters.
  for (let from = 0; from < machines.length; from += 5000) {
    await db
      .insertInto('inventory_machine')
      .values(machines.slice(from, from + 5000))
      .execute();
  }
}

export function findInventoryMachine(
  db: Kysely<Schema>,
  clusterId: string,
  nodeGroupName: string,
  index: number,
): Promise<InventoryMachine | undefined> {
  return db
    .selectFrom('inventory_machine')
    .selectAll()
    .where('cluster_id', '=', clusterId)
    .where('node_group_name', '=', nodeGroupName)
    .where('index', '=', index)
    .executeTakeFirst();
}

/** Null: it has none, or there is no such machine. */
export async function findManagementAddress(
  db: Kysely<Schema>,
  clusterId: string,
  name: string,
): Promise<string | null> {
  const machine = await db
    .selectFrom('inventory_machine')
    .select('management_address')
    .where('cluster_id', '=', clusterId)
    .where('name', '=', name)
    .executeTakeFirst();
  return machine?.management_address ?? null;
}

/** By node group and number, which is the order in which they were told of. */
export function listInventoryMachines(db: Kysely<Schema>, clusterId: string): Promise<InventoryMachine[]> {
  return db
    .selectFrom('inventory_machine')
    .selectAll()
    .where('cluster_id', '=', clusterId)
    .orderBy('node_group_name')
    .orderBy('index')
    .execute();
}

/** Those that are no spare ones. */
export async function countMachinesInUse(db: Kysely<Schema>, clusterId: string): Promise<number> {
  const { count } = await db
    .selectFrom('inventory_machine')
    .select((eb) => eb.fn.countAll<string>().as('count'))
    .where('cluster_id', '=', clusterId)
    .where('spare', '=', false)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/**
 * From now on these are in use: nobody else can take them or remove them. Within the transaction that settles what they
 * are taken for. Throws when one is not spare.
 */
export async function takeSpareMachines(
  tx: Kysely<Schema>,
  clusterId: string,
  places: readonly { readonly nodeGroupId: string; readonly index: number }[],
): Promise<void> {
  const groups = places.map(({ nodeGroupId }) => nodeGroupId);
  const indices = places.map(({ index }) => index);
  const { numAffectedRows } = await sql`
    update inventory_machine as machine set spare = false
    from unnest(${groups}::uuid[], ${indices}::integer[]) as place (node_group_id, index)
      join node_group on node_group.id = place.node_group_id
    where machine.cluster_id = ${clusterId} and machine.node_group_name = node_group.name
      and machine.index = place.index and machine.spare`.execute(tx);
  if (numAffectedRows !== BigInt(places.length))
    throw new Error(
      `cluster ${clusterId}: of ${places.length} spare machines ${numAffectedRows} could be taken`,
    );
}

/**
 * The machines of these instances wait in the pool again, with the host keys that were pinned: what vouched for a machine
 * once must do so the next time. Before the instances' rows go, and with them.
 */
export async function returnMachines(tx: Kysely<Schema>, instanceIds: readonly string[]): Promise<void> {
  await sql`
    update inventory_machine as machine set
      spare = true,
      host_keys = case when instance.host_keys = '[]' then machine.host_keys else instance.host_keys end,
      host_key_source = coalesce(instance.host_key_source, machine.host_key_source)
    from instance join node_group on node_group.id = instance.node_group_id
    where instance.id = any(${[...instanceIds]}::uuid[]) and machine.cluster_id = instance.cluster_id
      and machine.node_group_name = node_group.name and machine.index = instance.index`.execute(tx);
}

/** At the end of a scaling: what was taken for it and did not become an instance is spare again. */
export async function returnUnusedMachines(tx: Kysely<Schema>, clusterId: string): Promise<void> {
  await sql`
    update inventory_machine as machine set spare = true
    where machine.cluster_id = ${clusterId} and not machine.spare and not exists (
      select from instance join node_group on node_group.id = instance.node_group_id
      where instance.cluster_id = machine.cluster_id and node_group.name = machine.node_group_name
        and instance.index = machine.index)`.execute(tx);
}

/** Wadi forgets it, and its key when nobody else has that one. */
export async function forgetSpareMachine(
  tx: Kysely<Schema>,
  { cluster_id, name, credential_secret_id }: InventoryMachine,
): Promise<void> {
  await tx
    .deleteFrom('inventory_machine')
    .where('cluster_id', '=', cluster_id)
    .where('name', '=', name)
    .execute();
  await forgetUnusedKeys(tx, cluster_id, [credential_secret_id]);
}

/** Keys of machines that are gone, but for those that others still have, in use or in the pool. */
export async function forgetUnusedKeys(
  tx: Kysely<Schema>,
  clusterId: string,
  secretIds: readonly string[],
): Promise<void> {
  if (secretIds.length === 0) return;
  await tx
    .deleteFrom('secret')
    .where('id', 'in', [...secretIds])
    .where('cluster_id', '=', clusterId)
    .where(isUnused)
    .execute();
}

/** No machine has it, in use or in the pool, and no cluster; nor is it the next one of a cluster. */
function isUnused({ and, exists, not, or, ref, selectFrom }: ExpressionBuilder<Schema, 'secret'>) {
  const secret = ref('secret.id');
  const ofMachines = (['instance', 'inventory_machine'] as const).map((table) =>
    selectFrom(table).select('name').whereRef(`${table}.credential_secret_id`, '=', 'secret.id'),
  );
  const ofClusters = selectFrom('cluster')
    .select('id')
    .where((eb) => or([eb('management_secret_id', '=', secret), eb('proxy_secret_id', '=', secret)]));
  const next = selectFrom('key_rotation')
    .select('id')
    .where((eb) => or([eb('machines_secret_id', '=', secret), eb('proxies_secret_id', '=', secret)]));
  return and([...ofMachines, ofClusters, next].map((users) => not(exists(users))));
}

/** Whether any machine of the cluster is a proxy. */
export async function hasProxies(db: Kysely<Schema>, clusterId: string): Promise<boolean> {
  const proxies = await db
    .selectFrom('node_group')
    .select('id')
    .where('cluster_id', '=', clusterId)
    .where('is_proxy', '=', true)
    .where('count', '>', 0)
    .limit(1)
    .execute();
  return proxies.length > 0;
}
