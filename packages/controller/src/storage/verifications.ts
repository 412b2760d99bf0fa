import { randomUUID } from 'node:crypto';
import type { Health } from '@wadi/api';
import { type Kysely, type Selectable, sql } from 'kysely';
import type { CheckResult } from '../clusters/verification.ts';
import type { Schema, VerificationCheckTable, VerificationTable } from './schema.ts';
import { storable } from './storable.ts';

export interface VerificationRow extends Selectable<VerificationTable> {
  readonly checks: readonly Selectable<VerificationCheckTable>[];
}

/** A verification under way for longer has lost its controller. */
export interface Staleness {
  readonly staleSeconds: number;
}

/**
 * Begins one for an Active cluster and forgets the last; undefined when another is under way, or the cluster is not
 * Active. Of two that begin at once the second waits for the first one's row, and finds it. `force`: also instead of one
 * that is under way.
 */
export async function beginVerification(
  db: Kysely<Schema>,
  clusterId: string,
  { staleSeconds, force = false }: Staleness & { readonly force?: boolean },
): Promise<string | undefined> {
  return db.transaction().execute(async (tx) => {
    await tx
      .deleteFrom('verification')
      .where('cluster_id', '=', clusterId)
      .$if(!force, (query) =>
        query.where((eb) =>
          eb.or([eb('status', '<>', 'CHECKING'), eb('created_at', '<', before(staleSeconds))]),
        ),
      )
      .execute();
    const row = await tx
      .insertInto('verification')
      .columns(['id', 'cluster_id', 'status'])
      .expression((eb) =>
        eb
          .selectFrom('cluster')
          .select([
            sql<string>`${randomUUID()}::uuid`.as('id'),
            'cluster.id as cluster_id',
            sql<'CHECKING'>`'CHECKING'`.as('status'),
          ])
          .where('cluster.id', '=', clusterId)
          .where('cluster.status', '=', 'Active'),
      )
      .onConflict((conflict) => conflict.column('cluster_id').doNothing())
      .returning('id')
      .executeTakeFirst();
    return row?.id;
  });
}

/** What came out; nothing when another one has begun since. */
export async function finishVerification(
  db: Kysely<Schema>,
  id: string,
  status: Health,
  checks: readonly CheckResult[],
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const { numUpdatedRows } = await tx
      .updateTable('verification')
      .set({ status, updated_at: new Date() })
      .where('id', '=', id)
      .executeTakeFirst();
    if (numUpdatedRows === 0n || checks.length === 0) return;
    await tx
      .insertInto('verification_check')
      .values(
        checks.map((check, position) => ({
          ...{ id: randomUUID(), verification_id: id, position, updated_at: new Date() },
          ...{ name: check.name, status: check.status, description: storable(check.description) },
        })),
      )
      .execute();
  });
}

/** It was not brought to its end; the next one may begin at once. */
export async function dropVerification(db: Kysely<Schema>, id: string): Promise<void> {
  await db.deleteFrom('verification').where('id', '=', id).where('status', '=', 'CHECKING').execute();
}

/** By cluster. */
export async function findVerifications(
  db: Kysely<Schema>,
  clusterIds: readonly string[],
): Promise<Map<string, VerificationRow>> {
  const ids = sql<string>`any(${[...clusterIds]}::uuid[])`;
  const rows = await db.selectFrom('verification').selectAll().where('cluster_id', '=', ids).execute();
  if (rows.length === 0) return new Map();
  const checks = await db
    .selectFrom('verification_check')
    .selectAll()
    .where('verification_id', '=', sql<string>`any(${rows.map(({ id }) => id)}::uuid[])`)
    .orderBy('position')
    .execute();
  const found = new Map(rows.map((row) => [row.id, { ...row, checks: [] as (typeof checks)[number][] }]));
  for (const check of checks) found.get(check.verification_id)?.checks.push(check);
  return new Map([...found.values()].map((row) => [row.cluster_id, row]));
}

/** Active clusters that were not looked at for so long, the longest first. */
export async function clustersToVerify(
  db: Kysely<Schema>,
  {
    everySeconds,
    staleSeconds,
    limit,
  }: Staleness & { readonly everySeconds: number; readonly limit: number },
): Promise<string[]> {
  const rows = await db
    .selectFrom('cluster')
    .leftJoin('verification', 'verification.cluster_id', 'cluster.id')
    .select('cluster.id')
    .where('cluster.status', '=', 'Active')
    .where((eb) =>
      eb.or([
        eb('verification.id', 'is', null),
        eb.and([
          eb('verification.status', '<>', 'CHECKING'),
          eb('verification.created_at', '<', before(everySeconds)),
        ]),
        eb.and([
          eb('verification.status', '=', 'CHECKING'),
          eb('verification.created_at', '<', before(staleSeconds)),
        ]),
      ]),
    )
    .orderBy('verification.created_at', (order) => order.asc().nullsFirst())
    .limit(limit)
    .execute();
  return rows.map(({ id }) => id);
}

function before(seconds: number) {
  return sql<Date>`now() - make_interval(secs => ${seconds})`;
}
