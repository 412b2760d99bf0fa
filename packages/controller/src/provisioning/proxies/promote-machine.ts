import type { Kysely } from 'kysely';
import type { Logger } from 'pino';
import type { ClusterAccess } from '../../access/cluster-access.ts';
import type { InstanceFacts } from '../../access/cluster-facts.ts';
import { servesAsProxy } from '../../access/plan-routes.ts';
import type { Door } from '../../access/try-proxy.ts';
import { type Cloud, type ClusterPlan, type InstanceReference, referenceTo } from '../../clouds/cloud.ts';
import type { EventLog } from '../../events/event-log.ts';
import { appendAudit } from '../../storage/audit.ts';
import { type ClusterRow, findCluster } from '../../storage/clusters.ts';
import type { Database } from '../../storage/database.ts';
import { type InstanceWithGroup, listInstances } from '../../storage/instances.ts';
import { dutyOf, setDuties } from '../../storage/proxy-duties.ts';
import type { Schema } from '../../storage/schema.ts';

export interface PromotionParts {
  readonly db: Database;
  readonly events: EventLog;
  readonly access: ClusterAccess;
  readonly clouds: ReadonlyMap<string, Cloud>;
  readonly log: Logger;
}

export interface Promotion {
  readonly cluster: ClusterRow;
  /** By id; absent: whichever of its machines can. */
  readonly instanceId?: string;
  /** What is a proxy until then must not be used any more. */
  readonly fence: boolean;
  /** Who wants it, as the audit log has it. */
  readonly by: Readonly<Record<string, unknown>>;
  /** Asked while the cluster is locked; absent: it is. */
  stillWanted?(tx: Kysely<Schema>, instances: readonly InstanceWithGroup[]): Promise<boolean>;
  readonly signal: AbortSignal;
}

export type PromotionEnd =
  | { readonly kind: 'promoted'; readonly instance: InstanceFacts }
  /** Somebody else was faster, or a proxy came back. */
  | { readonly kind: 'not-wanted' }
  | { readonly kind: 'none'; readonly problems: readonly Unfit[] };

export interface Unfit {
  readonly instance: string;
  readonly problem: string;
}

/** Machines that are tried at once: one that does not answer takes seconds. */
const atOnce = 8;

/** Makes a machine a proxy: the first that lets us in at an address of its own and leads to the others. */
export async function promoteMachine(parts: PromotionParts, promotion: Promotion): Promise<PromotionEnd> {
  const { cluster, instanceId, signal } = promotion;
  return parts.access.judgeMachines(cluster, signal, async (machines, fits): Promise<PromotionEnd> => {
    const candidates = machines.filter(
      ({ id, isProxy, duty }) => !isProxy && duty === undefined && (instanceId ?? id) === id,
    );
    const problems: Unfit[] = [];
    for (let from = 0; from < candidates.length; from += atOnce) {
      signal.throwIfAborted();
      const some = candidates.slice(from, from + atOnce);
      try {
        const judged = await Promise.all(some.map((each) => judge(parts, cluster, each, fits)));
        const fit = judged.find((each) => 'door' in each);
        if (fit) {
          if (!(await store(parts, promotion, fit.instance, fit.door))) return { kind: 'not-wanted' };
          await parts.access.duties.look();
          return { kind: 'promoted', instance: fit.instance };
        }
        problems.push(...judged.filter((each) => 'problem' in each));
      } finally {
        for (const each of some) await closeDoor(parts, cluster, each);
      }
    }
    return { kind: 'none', problems };
  });
}

async function judge(
  { clouds, access }: PromotionParts,
  cluster: ClusterRow,
  instance: InstanceFacts,
  fits: (instance: InstanceFacts, door: Door | null) => Promise<string | null>,
): Promise<{ readonly instance: InstanceFacts; readonly door: Door | null } | Unfit> {
  const reference = { ...machineReference(cluster, instance), accessMethod: access.methodOf(cluster) };
  const found = await doorOf(clouds.get(cluster.cloud), reference);
  const problem = 'problem' in found ? found.problem : await fits(instance, found.door);
  if (problem === null && 'door' in found) return { instance, door: found.door };
  return { instance: instance.name, problem: problem ?? '' };
}

/** Unless it is promoted: nobody dials it from outside any more. Never fails. */
export async function closeDoor(
  { db, clouds, log }: Pick<PromotionParts, 'db' | 'clouds' | 'log'>,
  cluster: ClusterRow,
  instance: { readonly id: string; readonly name: string },
): Promise<void> {
  try {
    const cloud = clouds.get(cluster.cloud);
    if (!cloud?.demoteProxy || (await dutyOf(db, instance.id)) === 'promoted') return;
    await cloud.demoteProxy(machineReference(cluster, instance));
  } catch (error) {
    log.warn({ err: error, instance: instance.name }, 'its way in could not be closed');
  }
}

function machineReference(cluster: ClusterRow, instance: { id: string; name: string }): InstanceReference {
  return { ...referenceTo(cluster), instanceId: instance.id, cloudInstanceId: null, name: instance.name };
}

async function doorOf(
  cloud: Cloud | undefined,
  reference: InstanceReference & Pick<ClusterPlan, 'accessMethod'>,
): Promise<{ readonly door: Door | null } | { readonly problem: string }> {
  try {
    return { door: (await cloud?.promoteToProxy?.(reference)) ?? null };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

/** All or nothing, and only while the cluster is as it was judged. */
async function store(
  { db, events }: PromotionParts,
  { cluster, fence, by, stillWanted }: Promotion,
  instance: InstanceFacts,
  door: Door | null,
): Promise<boolean> {
  const { id: clusterId, project_id: projectId } = cluster;
  return db.transaction().execute(async (tx) => {
    await tx.selectFrom('cluster').select('id').where('id', '=', clusterId).forUpdate().execute();
    const there = await findCluster(tx, clusterId);
    const instances = await listInstances(tx, clusterId);
    const free = instances.some(({ id, duty }) => id === instance.id && duty === null);
    if (!there || there.status === 'Deleting' || !free) return false;
    if (stillWanted && !(await stillWanted(tx, instances))) return false;
    const old = fence ? instances.filter(isInUse) : [];
    await setDuties(tx, [
      { instanceId: instance.id, duty: 'promoted', ...(door ?? {}) },
      ...old.map(({ id }) => ({ instanceId: id, duty: 'fenced' as const })),
    ]);
    const news = [
      { type: 'proxy.promoted', action: 'proxy.promote', ...nameOf(instance) },
      ...old.map((each) => ({ type: 'proxy.fenced', action: 'proxy.fence', ...nameOf(each) })),
    ];
    for (const { type, action: _, ...body } of news)
      await events.append({ projectId, clusterId, type, body }, tx);
    await appendAudit(
      tx,
      news.map(({ type: _, action, ...what }) => ({
        projectId,
        about: { access: 'admin', action, ...by, cluster: clusterId, ...what },
      })),
    );
    return true;
  });
}

export function isInUse({ is_proxy, duty }: Pick<InstanceWithGroup, 'is_proxy' | 'duty'>): boolean {
  return servesAsProxy({ isProxy: is_proxy, ...(duty === null ? {} : { duty }) });
}

function nameOf({ id, name }: { id: string; name: string }) {
  return { instance_id: id, instance: name };
}
