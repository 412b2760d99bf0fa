import { randomUUID } from 'node:crypto';
import { type Kysely, type Selectable, sql } from 'kysely';
import { adoptedCloud } from '../clusters/adopted.ts';
import type { AdoptionTable } from './adoption-table.ts';
import type { Schema } from './schema.ts';

export type AdoptionRow = Selectable<AdoptionTable>;

/** With what of the cluster and its machines tells how far it is. */
export interface AdoptionState extends AdoptionRow {
  readonly name: string;
  readonly project_id: string;
  readonly status: string;
  readonly status_description: string;
  readonly management_public_key: string | null;
  readonly machines: number;
  /** Machines with a pinned host key, by who vouches for it. */
  readonly pinned: Readonly<Record<string, number>>;
}

export async function insertAdoption(
  tx: Kysely<Schema>,
  row: {
    readonly cluster_id: string;
    readonly sahara_public_key: string;
    readonly heat_stack: string | null;
  },
): Promise<void> {
  await tx.insertInto('adoption').values(row).execute();
}

/** Undefined: the cluster was not adopted, or is gone. */
export function findAdoption(db: Kysely<Schema>, clusterId: string): Promise<AdoptionRow | undefined> {
  return db.selectFrom('adoption').selectAll().where('cluster_id', '=', clusterId).executeTakeFirst();
}

/** Of one cluster, or of all; in the order of their names. */
export async function adoptionStates(db: Kysely<Schema>, clusterId?: string): Promise<AdoptionState[]> {
  const rows = await db
    .selectFrom('adoption')
    .innerJoin('cluster', 'cluster.id', 'adoption.cluster_id')
    .selectAll('adoption')
    .select([
      'cluster.name',
      'cluster.project_id',
      'cluster.status',
      'cluster.status_description',
      'cluster.management_public_key',
    ])
    .$if(clusterId !== undefined, (query) => query.where('adoption.cluster_id', '=', clusterId as string))
    .orderBy('cluster.name')
    .orderBy('cluster.id')
    .execute();
  const counts = await db
    .selectFrom('instance')
    .innerJoin('adoption', 'adoption.cluster_id', 'instance.cluster_id')
    .select(['instance.cluster_id', 'instance.host_key_source'])
    .select((eb) => eb.fn.countAll<string>().as('count'))
    .groupBy(['instance.cluster_id', 'instance.host_key_source'])
    .execute();
  return rows.map((row) => {
    const own = counts.filter(({ cluster_id }) => cluster_id === row.cluster_id);
    return {
      ...row,
      machines: own.reduce((sum, { count }) => sum + Number(count), 0),
      pinned: Object.fromEntries(own.map((one) => [one.host_key_source ?? 'unknown', Number(one.count)])),
    };
  });
}

/**
 * A failed adoption begins anew; false: it is not one that failed. No way of the states leads back from `Error`, since what a
 * creation has made by halves is not to be used: here everything was there before, and nothing is made.
 */
export async function beginAdoptionAgain(tx: Kysely<Schema>, clusterId: string): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('cluster')
    .set({
      status: 'Validating',
      status_description: '',
      revision: sql`revision + 1`,
      updated_at: sql`now()`,
    })
    .where('id', '=', clusterId)
    .where('cloud', '=', adoptedCloud)
    .where('status', '=', 'Error')
    .executeTakeFirst();
  if (numUpdatedRows === 0n) return false;
  await tx
    .updateTable('adoption')
    .set({ work_id: randomUUID() })
    .where('cluster_id', '=', clusterId)
    .execute();
  return true;
}

/** Pins them where nothing is pinned yet. */
export async function pinHostKeys(
  db: Kysely<Schema>,
  instanceId: string,
  keys: readonly string[],
  source: 'cloud' | 'given',
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('instance')
    .set({ host_keys: JSON.stringify(keys), host_key_source: source, updated_at: sql`now()` })
    .where('id', '=', instanceId)
    .where('host_keys', '=', sql<string[]>`'[]'::jsonb`)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}
