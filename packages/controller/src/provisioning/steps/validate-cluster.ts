import { keepNetworkFacts } from '../../storage/clusters.ts';
import { advance, type ClusterWork, cloudOf, planOf, theCluster } from '../cluster-work.ts';
import { ProvisioningError } from '../provisioning-error.ts';

/** Asks the cloud whether it can be done, before anything is made, and what ways to its machines will ask for. */
export async function validateCluster(work: ClusterWork): Promise<void> {
  const cluster = await theCluster(work);
  const cloud = cloudOf(work, cluster);
  const plan = await planOf(work, cluster);
  const problems = await cloud.validate(plan);
  if (problems.length > 0) {
    const told = problems.map(({ message, hint }) => (hint ? `${message} (${hint})` : message));
    throw new ProvisioningError(told.join('; '));
  }
  const facts = await cloud.findNetworkFacts?.(plan);
  if (facts) await keepNetworkFacts(work.db, cluster.id, facts);
  await advance(work, 'InfraUpdating');
}
