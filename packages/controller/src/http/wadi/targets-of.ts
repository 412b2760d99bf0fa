import type { ClusterFacts, InstanceFacts } from '../../access/cluster-facts.ts';
import { type ClusterRow, findCluster } from '../../storage/clusters.ts';
import type { Database } from '../../storage/database.ts';
import { notFound } from './own-cluster.ts';
import { resolveTargets } from './resolve-targets.ts';

/** The machines meant, as `resolveTargets` says; 404 when the cluster vanished while its machines were looked up. */
export async function targetsOf(
  db: Database,
  cluster: ClusterRow,
  facts: ClusterFacts,
  targets: readonly string[],
): Promise<readonly InstanceFacts[]> {
  if (facts.instances.length === 0 && !(await findCluster(db, cluster.id))) throw notFound(cluster.id);
  return resolveTargets(facts, targets);
}
