import type { Insertable, Kysely, Selectable } from 'kysely';
import type { InventoryMachineTable, Schema } from './schema.ts';

export type InventoryMachine = Selectable<InventoryMachineTable>;

export async function insertInventoryMachines(
  db: Kysely<Schema>,
  machines: readonly Insertable<InventoryMachineTable>[],
): Promise<void> {
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

/** Names by place: machines that exist keep theirs. */
export function listInventoryMachines(db: Kysely<Schema>, clusterId: string): Promise<InventoryMachine[]> {
  return db
    .selectFrom('inventory_machine')
    .selectAll()
    .where('cluster_id', '=', clusterId)
    .orderBy('node_group_name')
    .orderBy('index')
    .execute();
}

export async function countInventoryMachines(db: Kysely<Schema>, clusterId: string): Promise<number> {
  const { count } = await db
    .selectFrom('inventory_machine')
    .select((eb) => eb.fn.countAll<string>().as('count'))
    .where('cluster_id', '=', clusterId)
    .executeTakeFirstOrThrow();
  return Number(count);
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
