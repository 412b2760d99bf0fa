import type { ClusterStatus } from '@wadi/api';
import { type Insertable, type Kysely, type Selectable, sql, type Updateable } from 'kysely';
import { mayBecome } from '../clusters/cluster-status.ts';
import type {
  ClusterTable,
  InstanceTable,
  NodeGroupTable,
  ProvisionEventTable,
  ProvisionStepTable,
  Schema,
} from './schema.ts';
import { storable } from './storable.ts';
import { findVerifications, type VerificationRow } from './verifications.ts';

export type ClusterRow = Selectable<ClusterTable>;
export type NodeGroupRow = Selectable<NodeGroupTable>;

/** undefined: the project has one of that name. */
export async function insertCluster(
  db: Kysely<Schema>,
  row: Insertable<ClusterTable>,
  nodeGroups: readonly Insertable<NodeGroupTable>[],
): Promise<ClusterRow | undefined> {
  const cluster = await db
    .insertInto('cluster')
    .values(row)
    .onConflict((conflict) => conflict.columns(['project_id', 'name']).doNothing())
    .returningAll()
    .executeTakeFirst();
  if (cluster && nodeGroups.length > 0)
    await db
      .insertInto('node_group')
      .values([...nodeGroups])
      .execute();
  return cluster;
}

export async function updateCluster(
  db: Kysely<Schema>,
  id: string,
  changes: Updateable<ClusterTable>,
): Promise<ClusterRow> {
  return db
    .updateTable('cluster')
    .set({ ...changes, updated_at: sql`now()` })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

export async function findCluster(db: Kysely<Schema>, id: string): Promise<ClusterRow | undefined> {
  return db.selectFrom('cluster').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Which of these there are. */
export async function knownClusterIds(db: Kysely<Schema>, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const rows = await db
    .selectFrom('cluster')
    .select('id')
    .where('id', 'in', [...ids])
    .execute();
  return new Set(rows.map(({ id }) => id));
}

/** In no order; for taking up work that was stored but not begun. */
export async function clusterIdsInStatus(
  db: Kysely<Schema>,
  statuses: readonly ClusterStatus[],
  { olderThanSeconds = 0 } = {},
): Promise<string[]> {
  const rows = await db
    .selectFrom('cluster')
    .select('id')
    .where('status', 'in', [...statuses])
    .$if(olderThanSeconds > 0, (query) =>
      query.where(
        sql<boolean>`coalesce(updated_at, created_at) < now() - make_interval(secs => ${olderThanSeconds})`,
      ),
    )
    .execute();
  return rows.map((row) => row.id);
}

/**
 * How a change of status came out. `deleting`: the cluster is being deleted, nothing else may happen to it;
 * `gone`: it is deleted. Workflows stop on these two.
 */
export type StatusChange = 'changed' | 'unchanged' | 'deleting' | 'gone';

/**
 * Compare and set: of two that change the status at once, the second looks again. Setting the status it already has
 * changes at most the description, so a step may be run twice. Throws where the states allow no such way.
 */
export async function setStatus(
  db: Kysely<Schema>,
  clusterId: string,
  status: ClusterStatus,
  description = '',
): Promise<StatusChange> {
  const kept = storable(description);
  for (;;) {
    const row = await db
      .selectFrom('cluster')
      .select(['status', 'status_description', 'revision'])
      .where('id', '=', clusterId)
      .executeTakeFirst();
    if (!row) return 'gone';
    const current = row.status as ClusterStatus;
    if (current === status && row.status_description === kept) return 'unchanged';
    if (current === 'Deleting' && status !== 'Deleting') return 'deleting';
    if (current !== status && !mayBecome(current, status))
      throw new Error(`cluster ${clusterId}: its status cannot go from ${current} to ${status}`);
    const { numUpdatedRows } = await db
      .updateTable('cluster')
      .set({
        status,
        status_description: kept,
        revision: row.revision + 1,
        updated_at: sql`now()`,
      })
      .where('id', '=', clusterId)
      .where('revision', '=', row.revision)
      .executeTakeFirst();
    if (numUpdatedRows === 1n) return current === status ? 'unchanged' : 'changed';
  }
}

/** What a cluster is shown with. */
export interface ClusterParts {
  readonly nodeGroups: readonly NodeGroupRow[];
  readonly instances: readonly Selectable<InstanceTable>[];
  readonly steps: readonly Selectable<ProvisionStepTable>[];
  readonly events: readonly Selectable<ProvisionEventTable>[];
  readonly verification?: VerificationRow | undefined;
}

/** The parts of all these clusters, in a few statements however many they are. */
export async function clusterParts(
  db: Kysely<Schema>,
  clusterIds: readonly string[],
  options: { readonly withEvents: boolean },
): Promise<Map<string, ClusterParts>> {
  if (clusterIds.length === 0) return new Map();
  // One array instead of a parameter for each: a statement takes at most 65,535 of them.
  const ids = sql<string>`any(${[...clusterIds]}::uuid[])`;
  const [nodeGroups, instances, steps, events, verifications] = await Promise.all([
    db.selectFrom('node_group').selectAll().where('cluster_id', '=', ids).orderBy('position').execute(),
    db.selectFrom('instance').selectAll().where('cluster_id', '=', ids).orderBy('index').execute(),
    db
      .selectFrom('provision_step')
      .selectAll()
      .where('cluster_id', '=', ids)
      .orderBy('created_at')
      .orderBy('id')
      .execute(),
    options.withEvents
      ? db
          .selectFrom('provision_event')
          .innerJoin('provision_step', 'provision_step.id', 'provision_event.step_id')
          .selectAll('provision_event')
          .where('provision_step.cluster_id', '=', ids)
          .orderBy('provision_event.created_at')
          .execute()
      : [],
    findVerifications(db, clusterIds),
  ]);
  const groups = groupBy(nodeGroups, (row) => row.cluster_id);
  const machines = groupBy(instances, (row) => row.cluster_id);
  const work = groupBy(steps, (row) => row.cluster_id);
  const happened = groupBy(events, (row) => row.step_id);
  return new Map(
    clusterIds.map((id) => {
      const own = work.get(id) ?? [];
      return [
        id,
        {
          nodeGroups: groups.get(id) ?? [],
          instances: machines.get(id) ?? [],
          steps: own,
          events: own.flatMap((step) => happened.get(step.id) ?? []),
          verification: verifications.get(id),
        },
      ];
    }),
  );
}

function groupBy<Row>(rows: readonly Row[], key: (row: Row) => string): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(key(row));
    if (group) group.push(row);
    else groups.set(key(row), [row]);
  }
  return groups;
}

/** What an admin set stays. */
export async function keepNetworkFacts(db: Kysely<Schema>, id: string, facts: object): Promise<void> {
  await db
    .updateTable('cluster')
    .set({ access: sql`${JSON.stringify(facts)}::jsonb || access` })
    .where('id', '=', id)
    .execute();
}
