import { advance, type ClusterWork, cloudOf, nodeGroupsOf, planOf, theCluster } from '../cluster-work.ts';
import { ProvisioningError } from '../provisioning-error.ts';

/** Asks the cloud whether it can be done, before anything is made. Reads only. */
export async function validateCluster(work: ClusterWork): Promise<void> {
  const cluster = await theCluster(work);
  const problems = await cloudOf(work, cluster).validate({
    projectId: cluster.project_id,
    clusterId: cluster.id,
    clusterName: cluster.name,
    nodeGroups: (await nodeGroupsOf(work, cluster.id)).map(planOf),
  });
  if (problems.length > 0) {
    const told = problems.map(({ message, hint }) => (hint ? `${message} (${hint})` : message));
    throw new ProvisioningError(told.join('; '));
  }
  await advance(work, 'InfraUpdating');
}
