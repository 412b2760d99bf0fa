import type { ClusterStatus } from '@wadi/api';
import type { Transaction } from 'kysely';
import { type Cloud, type ClusterPlan, referenceTo } from '../clouds/cloud.ts';
import { planNodeGroup } from '../clouds/plan-node-group.ts';
import type { ClusterSpec } from '../clusters/cluster-request.ts';
import { effectiveValues, onlyValues } from '../clusters/node-group.ts';
import { type ClusterRow, findCluster, type NodeGroupRow, setStatus } from '../storage/clusters.ts';
import type { Schema } from '../storage/schema.ts';
import type { ProvisioningParts } from './provisioning.ts';
import { ClusterGoneError, ProvisioningError } from './provisioning-error.ts';

/** What a step is given: the parts, and which cluster in which workflow. */
export interface ClusterWork extends ProvisioningParts {
  readonly clusterId: string;
  readonly workflowId: string;
}

/** The cluster as long as it is to be created. */
export async function theCluster(work: ClusterWork): Promise<ClusterRow> {
  const cluster = await findCluster(work.db, work.clusterId);
  if (!cluster || cluster.status === 'Deleting') throw new ClusterGoneError(work.clusterId);
  return cluster;
}

export function cloudOf({ clouds }: ProvisioningParts, cluster: ClusterRow): Cloud {
  const cloud = clouds.get(cluster.cloud);
  if (!cloud)
    throw new ProvisioningError(
      `the cloud '${cluster.cloud}' is not switched on; start the controller with it`,
    );
  return cloud;
}

export function nodeGroupsOf(
  { db }: Pick<ProvisioningParts, 'db'>,
  clusterId: string,
): Promise<NodeGroupRow[]> {
  return db
    .selectFrom('node_group')
    .selectAll()
    .where('cluster_id', '=', clusterId)
    .orderBy('position')
    .execute();
}

/** What the cloud is told of a cluster that is there already. */
export async function planOf(work: ProvisioningParts, cluster: ClusterRow): Promise<ClusterPlan> {
  const spec = cluster.spec as ClusterSpec;
  const groups = await nodeGroupsOf(work, cluster.id);
  return {
    ...referenceTo(cluster),
    clusterName: cluster.name,
    nodeGroups: groups.map((group) =>
      planNodeGroup(
        group,
        effectiveValues({ ...onlyValues(group.spec), is_proxy: group.is_proxy }),
        spec.default_image_id ?? null,
      ),
    ),
    hasProxy: groups.some((group) => group.is_proxy && group.count > 0),
    networkId: spec.neutron_management_network ?? null,
    userKey: cluster.user_public_key,
    antiAffinity: spec.anti_affinity ?? [],
    accessMethod: work.access.methodOf(cluster),
  };
}

/** The next state, the event that tells of it, and what else is told: all or nothing. */
export async function advance(
  work: ClusterWork,
  status: ClusterStatus,
  description = '',
  also: (tx: Transaction<Schema>) => Promise<void> = async () => {},
): Promise<void> {
  const change = await work.db.transaction().execute(async (tx) => {
    const done = await setStatus(tx, work.clusterId, status, description);
    const cluster = done === 'changed' ? await findCluster(tx, work.clusterId) : undefined;
    if (cluster) {
      const body = { cluster: cluster.name, status, ...(description ? { description } : {}) };
      const event = { projectId: cluster.project_id, clusterId: cluster.id, type: 'cluster.status', body };
      await work.events.append(event, tx);
    }
    await also(tx);
    return done;
  });
  if (change === 'deleting' || change === 'gone') throw new ClusterGoneError(work.clusterId);
  if (status === 'Active') work.verifier?.becameActive(work.clusterId);
}
