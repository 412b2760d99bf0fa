import type { ClusterStatus } from '@wadi/api';
import type { Kysely } from 'kysely';
import type { Cloud, NodeGroupPlan } from '../clouds/cloud.ts';
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

export function planOf(group: NodeGroupRow): NodeGroupPlan {
  const { flavor_id: flavor, image_id: image } = group.spec;
  return {
    name: group.name,
    count: group.count,
    isProxy: group.is_proxy,
    flavorId: typeof flavor === 'string' ? flavor : '',
    imageId: typeof image === 'string' ? image : null,
  };
}

/** The next state, the event that tells of it, and what else is told: all or nothing. */
export async function advance(
  work: ClusterWork,
  status: ClusterStatus,
  description = '',
  also: (tx: Kysely<Schema>) => Promise<void> = async () => {},
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
