import { type Kysely, sql } from 'kysely';
import type { ScalingPlace, ScalingPlan } from '../clusters/scaling.ts';
import { findOrCreateInstances } from './instances.ts';
import { forgetUnusedKeys, returnMachines, returnUnusedMachines } from './inventory-machines.ts';
import type { Schema } from './schema.ts';

export async function insertScaling(
  db: Kysely<Schema>,
  scaling: { readonly id: string; readonly clusterId: string; readonly plan: ScalingPlan },
): Promise<void> {
  await db
    .insertInto('scaling')
    .values({ id: scaling.id, cluster_id: scaling.clusterId, plan: JSON.stringify(scaling.plan) })
    .execute();
}

/** undefined: it came to its end, or its cluster is gone. */
export async function findUnfinishedScaling(
  db: Kysely<Schema>,
  id: string,
): Promise<ScalingPlan | undefined> {
  const row = await db
    .selectFrom('scaling')
    .select('plan')
    .where('id', '=', id)
    .where('finished_at', 'is', null)
    .executeTakeFirst();
  return row?.plan as unknown as ScalingPlan | undefined;
}

/** Those that were asked for and have not come to an end; of all clusters, or of one. */
export async function unfinishedScalings(
  db: Kysely<Schema>,
  { clusterId, olderThanSeconds = 0 }: { clusterId?: string; olderThanSeconds?: number } = {},
): Promise<{ id: string; cluster_id: string }[]> {
  return db
    .selectFrom('scaling')
    .select(['id', 'cluster_id'])
    .where('finished_at', 'is', null)
    .$if(clusterId !== undefined, (query) => query.where('cluster_id', '=', clusterId ?? ''))
    .$if(olderThanSeconds > 0, (query) =>
      query.where('created_at', '<', sql<Date>`now() - make_interval(secs => ${olderThanSeconds})`),
    )
    .execute();
}

export async function wasEverScaled(db: Kysely<Schema>, clusterId: string): Promise<boolean> {
  const rows = await db
    .selectFrom('scaling')
    .select('id')
    .where('cluster_id', '=', clusterId)
    .limit(1)
    .execute();
  return rows.length > 0;
}

/** Within a transaction. */
export async function markScalingFinished(
  tx: Kysely<Schema>,
  { id, clusterId }: { readonly id: string; readonly clusterId: string },
): Promise<void> {
  await tx.updateTable('scaling').set({ finished_at: new Date() }).where('id', '=', id).execute();
  await returnUnusedMachines(tx, clusterId);
}

/** The rows of the machines to come, and their groups' counts with them. Rows that are there stay as they are. */
export async function ensureScaledInstances(
  db: Kysely<Schema>,
  clusterId: string,
  places: readonly ScalingPlace[],
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await findOrCreateInstances(
      tx,
      places.map((place) => ({ ...place, clusterId })),
    );
    await recount(tx, clusterId);
  });
}

/**
 * Machines are gone: their rows, the keys that only they had, and their groups' counts. Those that somebody imported wait in
 * the pool again.
 */
export async function forgetInstances(
  db: Kysely<Schema>,
  clusterId: string,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return;
  await db.transaction().execute(async (tx) => {
    await returnMachines(tx, ids);
    const gone = await tx
      .deleteFrom('instance')
      .where('cluster_id', '=', clusterId)
      .where('id', 'in', [...ids])
      .returning(['credential_secret_id', 'injected_host_secret_id'])
      .execute();
    const keys = gone.flatMap((each) =>
      [each.credential_secret_id ?? [], each.injected_host_secret_id ?? []].flat(),
    );
    await forgetUnusedKeys(tx, clusterId, keys);
    await recount(tx, clusterId);
  });
}

export async function removeEmptyGroups(db: Kysely<Schema>, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await db
    .deleteFrom('node_group')
    .where('id', 'in', [...ids])
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('instance')
            .select('instance.id')
            .whereRef('instance.node_group_id', '=', 'node_group.id'),
        ),
      ),
    )
    .execute();
}

/** What a group counts is what it has. One at a time: who counts must see what the others did. */
async function recount(db: Kysely<Schema>, clusterId: string): Promise<void> {
  await db
    .selectFrom('node_group')
    .select('id')
    .where('cluster_id', '=', clusterId)
    .orderBy('id')
    .forNoKeyUpdate()
    .execute();
  await db
    .updateTable('node_group')
    .set((eb) => ({
      count: eb
        .selectFrom('instance')
        .select((count) => count.fn.countAll<number>().as('count'))
        .whereRef('instance.node_group_id', '=', 'node_group.id'),
    }))
    .where('cluster_id', '=', clusterId)
    .execute();
}
