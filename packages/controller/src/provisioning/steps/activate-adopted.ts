import type { UnfinishedRotation } from '../../clusters/cluster-provisioning.ts';
import { unfinishedRotations } from '../../storage/key-rotations.ts';
import { advance, type ClusterWork, theCluster } from '../cluster-work.ts';
import { beginManagementRotation } from '../rotation/begin-management-rotation.ts';

/**
 * From now on it can be used, and its management key is replaced by one that nobody else has: promised in the same moment,
 * whatever becomes of this controller. A second time does nothing: it may be at other work since.
 */
export async function activateAdopted(work: ClusterWork): Promise<UnfinishedRotation | null> {
  const cluster = await theCluster(work);
  if (cluster.status === 'Waiting')
    await advance(work, 'Active', '', async (tx) => {
      await beginManagementRotation(work, tx, cluster);
    });
  const rotations = await unfinishedRotations(work.db, cluster.id);
  const rotation = rotations.find(({ kind }) => kind === 'management');
  if (!rotation) return null;
  const { id, cluster_id, kind, passes } = rotation;
  return { id, cluster_id, kind, passes };
}
