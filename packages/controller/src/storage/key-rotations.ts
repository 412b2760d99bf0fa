import { type Kysely, type RawBuilder, type Selectable, sql } from 'kysely';
import type { KeyRotationMachineTable, KeyRotationTable } from './key-rotation-tables.ts';
import type { Schema } from './schema.ts';

export type KeyRotationRow = Selectable<KeyRotationTable>;
export type RotatingMachine = Selectable<KeyRotationMachineTable> & {
  readonly instance_name: string;
  readonly is_proxy: boolean;
};

/** Seconds until the next pass, by how many there were. */
const pauses = [10, 20, 40, 80, 160, 300];

export function findRotation(db: Kysely<Schema>, id: string): Promise<KeyRotationRow | undefined> {
  return db.selectFrom('key_rotation').selectAll().where('id', '=', id).executeTakeFirst();
}

/** The newest first. */
export function listRotations(db: Kysely<Schema>, clusterId: string, limit = 100): Promise<KeyRotationRow[]> {
  return db
    .selectFrom('key_rotation')
    .selectAll()
    .where('cluster_id', '=', clusterId)
    .orderBy('created_at', 'desc')
    .limit(limit)
    .execute();
}

/** Of a cluster. */
export function unfinishedRotations(db: Kysely<Schema>, clusterId: string): Promise<KeyRotationRow[]> {
  return db
    .selectFrom('key_rotation')
    .selectAll()
    .where('cluster_id', '=', clusterId)
    .where('finished_at', 'is', null)
    .execute();
}

/** Those whose next pass may begin, or has begun, of clusters on which nobody else is at work. */
export function dueRotations(
  db: Kysely<Schema>,
  { olderThanSeconds = 0 }: { readonly olderThanSeconds?: number } = {},
): Promise<KeyRotationRow[]> {
  return db
    .selectFrom('key_rotation')
    .innerJoin('cluster', 'cluster.id', 'key_rotation.cluster_id')
    .selectAll('key_rotation')
    .where('key_rotation.finished_at', 'is', null)
    .where('key_rotation.due_at', '<=', sql<Date>`now() - make_interval(secs => ${olderThanSeconds})`)
    .where('cluster.status', 'in', ['Active', 'Error'])
    .execute();
}

/** In the order of the cluster. */
export function rotatingMachines(db: Kysely<Schema>, rotationId: string): Promise<RotatingMachine[]> {
  return db
    .selectFrom('key_rotation_machine')
    .innerJoin('instance', 'instance.id', 'key_rotation_machine.instance_id')
    .innerJoin('node_group', 'node_group.id', 'instance.node_group_id')
    .selectAll('key_rotation_machine')
    .select(['instance.name as instance_name', 'node_group.is_proxy'])
    .where('rotation_id', '=', rotationId)
    .orderBy('node_group.position')
    .orderBy('instance.index')
    .execute();
}

/**
 * Every machine that the cluster has by now takes part, with the key that lets us in at present; and whatever is asked for by
 * the id of that one may find the next.
 */
export async function takeInAllMachines(tx: Kysely<Schema>, rotation: KeyRotationRow): Promise<void> {
  await sql`
    insert into key_rotation_machine (rotation_id, instance_id, old_secret_id)
    select ${rotation.id}, instance.id, coalesce(
      instance.credential_secret_id,
      case when node_group.is_proxy then cluster.proxy_secret_id else cluster.management_secret_id end)
    from instance
      join node_group on node_group.id = instance.node_group_id
      join cluster on cluster.id = instance.cluster_id
    where instance.cluster_id = ${rotation.cluster_id}
    on conflict do nothing`.execute(tx);
  await sql`
    insert into replaced_secret (old_id, new_id)
    select distinct machine.old_secret_id, case when node_group.is_proxy
      then ${rotation.proxies_secret_id}::uuid else ${rotation.machines_secret_id}::uuid end
    from key_rotation_machine machine
      join instance on instance.id = machine.instance_id
      join node_group on node_group.id = instance.node_group_id
    where machine.rotation_id = ${rotation.id} and machine.old_secret_id is not null
      and machine.old_secret_id not in (${rotation.proxies_secret_id}, ${rotation.machines_secret_id})
    on conflict do nothing`.execute(tx);
}

/** These take part; those that do so already stay as far as they are. */
export async function takeInMachines(
  tx: Kysely<Schema>,
  rotationId: string,
  instanceIds: readonly string[],
): Promise<void> {
  await sql`
    insert into key_rotation_machine (rotation_id, instance_id)
    select ${rotationId}, id from instance where id = any(${[...instanceIds]}::uuid[])
    on conflict do nothing`.execute(tx);
}

/** The machine is as far as this; what kept it from that is forgotten. */
export async function advanceMachine(
  tx: Kysely<Schema>,
  rotationId: string,
  instanceId: string,
  state: RotatingMachine['state'],
): Promise<void> {
  await tx
    .updateTable('key_rotation_machine')
    .set({ state, problem: null, updated_at: new Date() })
    .where('rotation_id', '=', rotationId)
    .where('instance_id', '=', instanceId)
    .execute();
}

export async function noteProblem(
  db: Kysely<Schema>,
  rotationId: string,
  instanceId: string,
  problem: object,
): Promise<void> {
  await db
    .updateTable('key_rotation_machine')
    .set({ problem: JSON.stringify(problem), updated_at: new Date() })
    .where('rotation_id', '=', rotationId)
    .where('instance_id', '=', instanceId)
    .execute();
}

/** From now on the machine is logged in to with that key, also when it comes back from the pool of an inventory. */
export async function setCredential(tx: Kysely<Schema>, instanceId: string, secretId: string): Promise<void> {
  await setOfMachine(tx, instanceId, sql`credential_secret_id = ${secretId}`);
}

/** The same for the host keys that it may show. */
export async function changeHostKeys(
  tx: Kysely<Schema>,
  instanceId: string,
  change: (pinned: readonly string[]) => readonly string[],
): Promise<void> {
  const row = await tx
    .selectFrom('instance')
    .select('host_keys')
    .where('id', '=', instanceId)
    .executeTakeFirst();
  if (row)
    await setOfMachine(tx, instanceId, sql`host_keys = ${JSON.stringify(change(row.host_keys))}::jsonb`);
}

/** The pool first, as whoever gives machines back to it: two that wait for each other would wait for ever. */
async function setOfMachine(tx: Kysely<Schema>, instanceId: string, change: RawBuilder<unknown>) {
  await sql`
    update inventory_machine as machine set ${change}
    from (
      select instance.cluster_id, node_group.name, instance.index
      from instance join node_group on node_group.id = instance.node_group_id where instance.id = ${instanceId}
    ) as place
    where machine.cluster_id = place.cluster_id and machine.node_group_name = place.name
      and machine.index = place.index`.execute(tx);
  await sql`update instance set ${change}, updated_at = now() where id = ${instanceId}`.execute(tx);
}

/** A pass came to its end: the next one begins later, unless that one was another. */
export async function endPass(db: Kysely<Schema>, { id, passes }: KeyRotationRow): Promise<void> {
  const pause = pauses[Math.min(passes, pauses.length - 1)];
  await db
    .updateTable('key_rotation')
    .set({ passes: passes + 1, due_at: sql<Date>`now() + make_interval(secs => ${pause})` })
    .where('id', '=', id)
    .where('passes', '=', passes)
    .execute();
}

/** The next pass need not wait. */
export async function hurry(db: Kysely<Schema>, id: string): Promise<void> {
  await db
    .updateTable('key_rotation')
    .set({ due_at: sql<Date>`least(due_at, now())` })
    .where('id', '=', id)
    .execute();
}

export async function finishRotation(tx: Kysely<Schema>, { id, passes }: KeyRotationRow): Promise<void> {
  await tx
    .updateTable('key_rotation')
    .set({ finished_at: new Date(), passes: passes + 1, machines_secret_id: null, proxies_secret_id: null })
    .where('id', '=', id)
    .execute();
}

/** Secrets by whose keys what is asked for by this id may be opened, the best first. */
export async function relatedSecrets(db: Kysely<Schema>, id: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id, 0 as place from secret where id = ${id}
    union all select new_id, 1 from replaced_secret where old_id = ${id}
    union all select secret.id, 2 from replaced_secret join secret on secret.id = old_id where new_id = ${id}
    order by place, id`.execute(db);
  return rows.map((row) => row.id);
}

/** The secrets go; whatever asked for them or for what they had replaced finds what came in their place. */
export async function dropReplaced(
  tx: Kysely<Schema>,
  clusterId: string,
  candidates: readonly string[],
  forget: (ids: readonly string[]) => Promise<void>,
): Promise<void> {
  await sql`
    insert into replaced_secret (old_id, new_id)
    select before.old_id, after.new_id from replaced_secret before
      join replaced_secret after on after.old_id = before.new_id
    where before.new_id = any(${[...candidates]}::uuid[]) and before.old_id <> after.new_id
    on conflict do nothing`.execute(tx);
  await forget(candidates);
  // What is still there opens what it opened.
  await sql`
    delete from replaced_secret using secret
    where replaced_secret.old_id = secret.id and secret.cluster_id = ${clusterId}
      and secret.id = any(${[...candidates]}::uuid[])`.execute(tx);
}

/** Host keys that a machine has made and is to show; null: it has none. */
export async function setNewHostKeys(
  tx: Kysely<Schema>,
  { rotation_id, instance_id }: Pick<RotatingMachine, 'rotation_id' | 'instance_id'>,
  keys: readonly string[] | null,
): Promise<void> {
  await tx
    .updateTable('key_rotation_machine')
    .set({ new_host_keys: keys && JSON.stringify(keys), updated_at: new Date() })
    .where('rotation_id', '=', rotation_id)
    .where('instance_id', '=', instance_id)
    .execute();
}
