import type { Kysely, Selectable, Transaction } from 'kysely';
import type { InstanceVerdictTable, Schema } from './schema.ts';
import { storable } from './storable.ts';

export type VerdictRow = Selectable<InstanceVerdictTable>;
export type Finding = Omit<VerdictRow, 'since' | 'looked_at'>;

/** Those of the cluster's instances that somebody has looked at. */
export function listVerdicts(db: Kysely<Schema>, clusterId: string): Promise<VerdictRow[]> {
  return db
    .selectFrom('instance_verdict')
    .innerJoin('instance', 'instance.id', 'instance_verdict.instance_id')
    .selectAll('instance_verdict')
    .where('instance.cluster_id', '=', clusterId)
    .execute();
}

/** Of every cluster. */
export async function listUnreachable(db: Kysely<Schema>): Promise<VerdictRow[]> {
  return db.selectFrom('instance_verdict').selectAll().where('reachable', '=', false).execute();
}

/**
 * Stores what was found and returns those findings that are news. The first time that somebody looks only bad ones are. Of instances that are gone nothing is stored.
 */
export async function storeFindings(
  tx: Transaction<Schema>,
  findings: readonly Finding[],
  now: Date,
): Promise<readonly Finding[]> {
  const news: Finding[] = [];
  // In slices, and in one order for everyone, so that two who look at the same machines do not wait for each other.
  const sorted = [...findings].sort((a, b) => (a.instance_id < b.instance_id ? -1 : 1));
  for (let from = 0; from < sorted.length; from += 1000)
    news.push(...(await storeSlice(tx, sorted.slice(from, from + 1000), now)));
  return news;
}

async function storeSlice(
  tx: Transaction<Schema>,
  slice: readonly Finding[],
  now: Date,
): Promise<readonly Finding[]> {
  const ids = slice.map((finding) => finding.instance_id);
  // Locked: of two controllers that look at once, one tells.
  const there = await tx
    .selectFrom('instance')
    .select('id')
    .where('id', 'in', ids)
    .orderBy('id')
    .forNoKeyUpdate()
    .execute();
  const known = await tx.selectFrom('instance_verdict').selectAll().where('instance_id', 'in', ids).execute();
  const before = new Map(known.map((row) => [row.instance_id, row]));
  const present = new Set(there.map(({ id }) => id));
  const stored = slice.filter((finding) => present.has(finding.instance_id));
  if (stored.length === 0) return [];
  await tx
    .insertInto('instance_verdict')
    .values(
      stored.map((finding) => {
        const last = before.get(finding.instance_id);
        const since = last && sameFinding(last, finding) ? last.since : now;
        return { ...fit(finding), since, looked_at: now };
      }),
    )
    .onConflict((conflict) =>
      conflict.column('instance_id').doUpdateSet((eb) => ({
        reachable: eb.ref('excluded.reachable'),
        code: eb.ref('excluded.code'),
        reason: eb.ref('excluded.reason'),
        hop: eb.ref('excluded.hop'),
        phase: eb.ref('excluded.phase'),
        message: eb.ref('excluded.message'),
        hint: eb.ref('excluded.hint'),
        route: eb.ref('excluded.route'),
        since: eb.ref('excluded.since'),
        looked_at: eb.ref('excluded.looked_at'),
      })),
    )
    .execute();
  return stored.filter((finding) => {
    const last = before.get(finding.instance_id);
    return last ? !sameFinding(last, finding) : !finding.reachable;
  });
}

/** By what is stable: texts hold numbers and addresses that change. */
function sameFinding(a: Finding, b: Finding): boolean {
  return findingKey(a) === findingKey(b);
}

function findingKey({ reachable, code, reason, hop, phase }: Finding): string {
  return reachable ? 'reachable' : [code, reason, hop, phase].join(' ');
}

/** What a machine says may hold what no text of the database can. */
function fit(finding: Finding): Finding {
  return { ...finding, message: storable(finding.message) };
}
