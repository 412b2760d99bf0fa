import { listInstances } from '../../storage/instances.ts';
import type { ClusterWork } from '../cluster-work.ts';

/** Ends the runs and looks, and closes the sessions of a cluster that goes. */
export async function closeAccess({ db, runs, access, verifier, clusterId }: ClusterWork): Promise<void> {
  await verifier?.stop(clusterId);
  await runs.cancelCluster(clusterId);
  const instances = await listInstances(db, clusterId);
  await access.forget(instances.map((each) => each.id));
}
