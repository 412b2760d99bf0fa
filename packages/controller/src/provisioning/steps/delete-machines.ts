import { referenceTo } from '../../clouds/cloud.ts';
import { findCluster } from '../../storage/clusters.ts';
import { deleteInstanceRow, listInstances } from '../../storage/instances.ts';
import { type ClusterWork, cloudOf } from '../cluster-work.ts';
import { persist } from '../persist.ts';
import { inProvisionStep } from '../provision-step.ts';

/** A row goes when its machine is gone; what is gone already is no row any more. */
export async function deleteMachines(work: ClusterWork, signal: AbortSignal): Promise<void> {
  const cluster = await findCluster(work.db, work.clusterId);
  if (!cluster) return;
  const instances = await listInstances(work.db, cluster.id);
  const told = { name: 'Delete instances', type: 'Engine: shutdown cluster', total: instances.length };
  await inProvisionStep(work, told, async () => {
    const ends = await Promise.allSettled(
      instances.map(async ({ id, name, cloud_instance_id: cloudInstanceId }) => {
        const reference = { ...referenceTo(cluster), instanceId: id, name, cloudInstanceId };
        // A place is held for one attempt only: what cannot be deleted today must not keep others waiting.
        const remove = () =>
          work.limits.run(cluster, async () => cloudOf(work, cluster).deleteInstance(reference), signal);
        await persist(work, `deleting machine ${name}`, remove, signal);
        await deleteInstanceRow(work.db, id);
      }),
    );
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  });
}
