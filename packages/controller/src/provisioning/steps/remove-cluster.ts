import { referenceTo } from '../../clouds/cloud.ts';
import { findCluster } from '../../storage/clusters.ts';
import { type ClusterWork, cloudOf } from '../cluster-work.ts';
import { settleRunsOf } from '../settle-runs.ts';

/** The rest of the cloud's things, then the row with all that hangs on it. Events stay and tell of it. */
export async function removeCluster(work: ClusterWork): Promise<void> {
  const cluster = await findCluster(work.db, work.clusterId);
  if (!cluster) return;
  await cloudOf(work, cluster).deleteCluster(referenceTo(cluster));
  // The rows of its runs go with it, and the audit log must have their ends before.
  await settleRunsOf(work.db, cluster.id);
  await work.db.transaction().execute(async (tx) => {
    await tx.deleteFrom('cluster').where('id', '=', cluster.id).execute();
    const body = { name: cluster.name };
    const event = { projectId: cluster.project_id, clusterId: cluster.id, type: 'cluster.deleted', body };
    await work.events.append(event, tx);
  });
}
