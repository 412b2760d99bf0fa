import { listInstances } from '../../storage/instances.ts';
import type { ClusterWork } from '../cluster-work.ts';
import { handBack } from './hand-back.ts';

/** Ends the runs and looks, and closes the sessions of a cluster that goes. */
export async function closeAccess(work: ClusterWork, signal: AbortSignal): Promise<void> {
  const { db, runs, access, verifier, clusterId } = work;
  await verifier?.stop(clusterId);
  await runs.cancelCluster(clusterId);
  await handBack(work, signal);
  const instances = await listInstances(db, clusterId);
  await access.forget(instances.map((each) => each.id));
}
