import { referenceTo } from '../../clouds/cloud.ts';
import { listInstances } from '../../storage/instances.ts';
import { type ClusterWork, cloudOf, theCluster } from '../cluster-work.ts';

/**
 * A machine that was asked for by a controller which died before it heard the answer may have come after another controller
 * had looked for it, and asked again. Nobody uses it. One that cannot be removed now is no reason to give up what is done:
 * it goes with the next scaling, or with the cluster.
 */
export async function removeStrangers(work: ClusterWork): Promise<void> {
  const cluster = await theCluster(work);
  const cloud = cloudOf(work, cluster);
  if (!cloud.removeStrangers) return;
  try {
    const known = (await listInstances(work.db, cluster.id)).flatMap((row) => row.cloud_instance_id ?? []);
    await cloud.removeStrangers(referenceTo(cluster), known);
  } catch (error) {
    work.log.warn({ err: error, cluster: cluster.id }, 'machines that are nobody’s could not be removed');
  }
}
