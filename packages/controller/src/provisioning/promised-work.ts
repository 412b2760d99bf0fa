import type { Logger } from 'pino';
import type { ClusterProvisioning } from '../clusters/cluster-provisioning.ts';
import { clusterIdsInStatus } from '../storage/clusters.ts';
import type { Database } from '../storage/database.ts';
import { dueRotations } from '../storage/key-rotations.ts';
import { unfinishedScalings } from '../storage/scalings.ts';

/** Milliseconds between looks. */
const lookInterval = 10_000;
/** Seconds. Whoever stored it begins it a moment later. */
const patience = 5;

/**
 * Begins what was stored, and whose controller died before it began the work. Where the work is begun already this does
 * nothing.
 */
export async function beginPromisedWork(
  db: Database,
  provisioning: ClusterProvisioning,
  olderThanSeconds = 0,
): Promise<void> {
  const scalings = await unfinishedScalings(db, { olderThanSeconds });
  const scaled = new Set(scalings.map(({ cluster_id }) => cluster_id));
  for (const id of await clusterIdsInStatus(db, ['Validating'], { olderThanSeconds }))
    if (!scaled.has(id)) await provisioning.createCluster(id);
  for (const { id, cluster_id } of scalings) await provisioning.scaleCluster(cluster_id, id);
  for (const rotation of await dueRotations(db, { olderThanSeconds }))
    await provisioning.rotateKeys(rotation);
  for (const id of await clusterIdsInStatus(db, ['Deleting'], { olderThanSeconds }))
    await provisioning.deleteCluster(id);
}

/** Goes on looking: of several controllers one may die, and the others need not start anew for that. */
export function watchPromisedWork(
  db: Database,
  provisioning: ClusterProvisioning,
  log: Logger,
  { everyMs = lookInterval, olderThanSeconds = patience } = {},
): { stop(): Promise<void> } {
  let looking = Promise.resolve();
  const look = () =>
    beginPromisedWork(db, provisioning, olderThanSeconds).catch((error) =>
      log.warn({ err: error }, 'looking for work that was never begun failed; trying again'),
    );
  const timer = setInterval(() => {
    looking = looking.then(look);
  }, everyMs);
  return {
    async stop() {
      clearInterval(timer);
      await looking;
    },
  };
}
