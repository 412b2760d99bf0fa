import { type Kysely, sql } from 'kysely';
import type { Schema } from './schema.ts';

/** A cloud is asked now; `what` is unique in its cluster. */
export async function noteRequest(db: Kysely<Schema>, clusterId: string, what: string): Promise<void> {
  await db
    .insertInto('cloud_request')
    .values({ cluster_id: clusterId, what })
    .onConflict((conflict) => conflict.columns(['cluster_id', 'what']).doUpdateSet({ asked_at: sql`now()` }))
    .execute();
}

/** It is answered; without `what`: all of the cluster's are, or do not matter any more. */
export async function forgetRequests(db: Kysely<Schema>, clusterId: string, what?: string): Promise<void> {
  await db
    .deleteFrom('cloud_request')
    .where('cluster_id', '=', clusterId)
    .$if(what !== undefined, (query) => query.where('what', '=', what ?? ''))
    .execute();
}

/** Milliseconds since the youngest that was not answered; undefined: there is none. */
export async function ageOfRequest(
  db: Kysely<Schema>,
  clusterId: string,
  what?: string,
): Promise<number | undefined> {
  const row = await db
    .selectFrom('cloud_request')
    .select(sql<number>`extract(epoch from now() - asked_at)::float8 * 1000`.as('age'))
    .where('cluster_id', '=', clusterId)
    .$if(what !== undefined, (query) => query.where('what', '=', what ?? ''))
    .orderBy('asked_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.age;
}
