import { type Kysely, sql } from 'kysely';
import type { Schema } from './schema.ts';

/** Seconds without a look of any controller after which the clock of a cluster begins anew. */
const gap = 15;

/** Active clusters in which a machine may be promoted without being asked for. */
export async function clustersToWatch(db: Kysely<Schema>): Promise<string[]> {
  const rows = await db
    .selectFrom('cluster')
    .select('id')
    .where('status', '=', 'Active')
    .where(sql<boolean>`access ->> 'promotion' = 'automatic'`)
    .orderBy('id')
    .execute();
  return rows.map(({ id }) => id);
}

/**
 * Notes what a controller knows of a cluster's proxies, and returns for how many seconds no controller has known of one
 * that can be used. One of several that still reaches a proxy is enough.
 */
export async function noteLook(db: Kysely<Schema>, clusterId: string, usable: boolean): Promise<number> {
  const { rows } = await sql<{ lost: number }>`
    insert into proxy_watch (cluster_id, usable_at, looked_at) values (${clusterId}, now(), now())
    on conflict (cluster_id) do update set
      usable_at = case
        when ${usable} or proxy_watch.looked_at < now() - make_interval(secs => ${gap}) then now()
        else proxy_watch.usable_at end,
      looked_at = now()
    returning extract(epoch from now() - usable_at)::float as lost`.execute(db);
  return rows[0]?.lost ?? 0;
}

/** The same without looking. */
export async function secondsLost(db: Kysely<Schema>, clusterId: string): Promise<number> {
  const { rows } = await sql<{ lost: number }>`
    select extract(epoch from now() - usable_at)::float as lost from proxy_watch
    where cluster_id = ${clusterId}`.execute(db);
  return rows[0]?.lost ?? 0;
}

/** The right to seek a machine to promote, for some seconds, until when; undefined: another controller has it. */
export async function beginActing(
  db: Kysely<Schema>,
  clusterId: string,
  seconds: number,
): Promise<string | undefined> {
  const { rows } = await sql<{ until: string }>`
    update proxy_watch set acting_until = now() + make_interval(secs => ${seconds})
    where cluster_id = ${clusterId} and (acting_until is null or acting_until < now())
    returning acting_until::text as until`.execute(db);
  return rows[0]?.until;
}

/** Gives back the right that was held until then; one that ran out may be somebody else's by now. */
export async function endActing(db: Kysely<Schema>, clusterId: string, until: string): Promise<void> {
  await db
    .updateTable('proxy_watch')
    .set({ acting_until: null })
    .where('cluster_id', '=', clusterId)
    .where('acting_until', '=', sql<Date>`${until}::timestamptz`)
    .execute();
}
