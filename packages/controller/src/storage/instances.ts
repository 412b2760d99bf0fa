import { randomUUID } from 'node:crypto';
import { type Kysely, type Selectable, sql } from 'kysely';
import type { InstanceTable, ProxyDutyTable, Schema } from './schema.ts';

export type InstanceRow = Selectable<InstanceTable>;
export type InstanceWithGroup = InstanceRow & {
  node_group_name: string;
  group_position: number;
  is_proxy: boolean;
  duty: ProxyDutyTable['duty'] | null;
  /** Where a promoted one is dialled; null: as the access method has it. */
  duty_address: string | null;
  duty_port: number | null;
};

/** All instances of a cluster by node group and number. */
export function listInstances(db: Kysely<Schema>, clusterId: string): Promise<InstanceWithGroup[]> {
  return db
    .selectFrom('instance')
    .innerJoin('node_group', 'node_group.id', 'instance.node_group_id')
    .leftJoin('proxy_duty', 'proxy_duty.instance_id', 'instance.id')
    .selectAll('instance')
    .select([
      'node_group.name as node_group_name',
      'node_group.position as group_position',
      'node_group.is_proxy',
      'proxy_duty.duty',
      'proxy_duty.address as duty_address',
      'proxy_duty.port as duty_port',
    ])
    .where('instance.cluster_id', '=', clusterId)
    .orderBy('node_group.position')
    .orderBy('instance.index')
    .execute();
}

export interface InstancePlace {
  readonly clusterId: string;
  readonly nodeGroupId: string;
  readonly index: number;
  readonly name: string;
}

/**
 * The row of each place, in the order given. Rows that exist are left as they are: their place is unique, so of two
 * writers one inserts and the other finds.
 */
export async function findOrCreateInstances(
  db: Kysely<Schema>,
  places: readonly InstancePlace[],
): Promise<void> {
  // In slices: a statement has at most 65535 parameters.
  for (let from = 0; from < places.length; from += 5000) {
    await db
      .insertInto('instance')
      .values(
        places.slice(from, from + 5000).map((place) => ({
          id: randomUUID(),
          cluster_id: place.clusterId,
          node_group_id: place.nodeGroupId,
          index: place.index,
          name: place.name,
          ssh_port: 22,
          host_keys: '[]',
        })),
      )
      .onConflict((conflict) => conflict.columns(['node_group_id', 'index']).doNothing())
      .execute();
  }
}

export interface InstanceFound {
  readonly cloudInstanceId: string;
  readonly internalIp: string;
  readonly floatingIp?: string | null;
  readonly managementIp: string | null;
  readonly sshPort: number;
  readonly managementPort: number | null;
  readonly loginUser: string;
  readonly credentialSecretId: string | null;
  readonly hostKeys: readonly string[];
  readonly hostKeySource: string;
}

/**
 * Notes what the cloud says of an instance. Host keys that are pinned already stay: a cloud that knows none must not
 * unpin what was seen, and one that knows others must not replace them silently.
 */
export async function recordInstance(db: Kysely<Schema>, id: string, found: InstanceFound): Promise<boolean> {
  const keys = JSON.stringify(found.hostKeys);
  const given = found.hostKeys.length > 0;
  const result = await db
    .updateTable('instance')
    .set((eb) => ({
      cloud_instance_id: found.cloudInstanceId,
      internal_ip: found.internalIp,
      floating_ip: found.floatingIp ?? null,
      management_ip: found.managementIp,
      ssh_port: found.sshPort,
      management_port: found.managementPort,
      login_user: found.loginUser,
      credential_secret_id: found.credentialSecretId,
      host_keys: eb
        .case()
        .when('host_keys', '=', sql<string[]>`'[]'::jsonb`)
        .then(sql<string>`${keys}::jsonb`)
        .else(sql<string>`host_keys`)
        .end(),
      host_key_source: sql<string | null>`coalesce(host_key_source, ${given ? found.hostKeySource : null})`,
      updated_at: new Date(),
    }))
    .where('id', '=', id)
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/**
 * Compare-and-set: pins `key` when nothing is pinned yet. Returns what is pinned now, which is another key when
 * somebody else was first; undefined when the instance is gone.
 */
export async function pinHostKey(
  db: Kysely<Schema>,
  id: string,
  key: string,
): Promise<{ keys: readonly string[]; pinnedNow: boolean } | undefined> {
  const pinned = await db
    .updateTable('instance')
    .set({ host_keys: JSON.stringify([key]), host_key_source: 'first-contact', updated_at: new Date() })
    .where('id', '=', id)
    .where('host_keys', '=', sql<string[]>`'[]'::jsonb`)
    .executeTakeFirst();
  if (pinned.numUpdatedRows > 0n) return { keys: [key], pinnedNow: true };
  const row = await db.selectFrom('instance').select('host_keys').where('id', '=', id).executeTakeFirst();
  return row && { keys: row.host_keys, pinnedNow: false };
}

/** Whether it may show that key now. */
export async function isPinned(db: Kysely<Schema>, id: string, key: string): Promise<boolean> {
  const row = await db.selectFrom('instance').select('host_keys').where('id', '=', id).executeTakeFirst();
  return row?.host_keys.some((pinned) => pinned.split(' ').slice(0, 2).join(' ') === key) ?? false;
}

export async function deleteInstanceRow(db: Kysely<Schema>, id: string): Promise<void> {
  await db.deleteFrom('instance').where('id', '=', id).execute();
}

/** Whose machine it is, and what its cluster allows. */
export function findInstanceOwner(
  db: Kysely<Schema>,
  id: string,
): Promise<{ project_id: string; cluster_id: string; access: Record<string, unknown> } | undefined> {
  return db
    .selectFrom('instance')
    .innerJoin('cluster', 'cluster.id', 'instance.cluster_id')
    .select(['cluster.project_id', 'instance.cluster_id', 'cluster.access'])
    .where('instance.id', '=', id)
    .executeTakeFirst();
}

/** The machine answers at another place now; whoever it is remains the same. */
export async function moveInstance(
  db: Kysely<Schema>,
  id: string,
  at: { managementIp: string; managementPort: number },
): Promise<void> {
  await db
    .updateTable('instance')
    .set({ management_ip: at.managementIp, management_port: at.managementPort, updated_at: new Date() })
    .where('id', '=', id)
    .execute();
}
