import { randomUUID } from 'node:crypto';
import { ApiError } from '@wadi/api';
import type { Cloud, ClusterPlan } from '../../clouds/cloud.ts';
import type { ClusterSpec } from '../../clusters/cluster-request.ts';
import type { NodeGroupValues } from '../../clusters/node-group.ts';
import type { ClusterRow } from '../../storage/clusters.ts';
import type { PlannedCluster } from './plan-cluster.ts';

/** Before anything is stored: what the cloud has against it. All clusters of one request are asked for at once. */
export async function checkCloudAccepts(
  cloud: Cloud,
  projectId: string,
  plan: PlannedCluster,
): Promise<void> {
  const nodeGroups = plan.nodeGroups.map(({ name, count, values }) =>
    groupPlan(name, count * plan.names.length, values, plan.spec.default_image_id ?? null),
  );
  await check(cloud, projectId, plan.names[0] ?? '', nodeGroups);
}

/** For a cluster that is to grow: whether there is room for what is added, and only that. */
export async function checkCloudHasRoom(
  cloud: Cloud,
  cluster: ClusterRow,
  added: readonly { readonly name: string; readonly count: number; readonly values: NodeGroupValues }[],
): Promise<void> {
  const image = (cluster.spec as ClusterSpec).default_image_id ?? null;
  if (added.length === 0) return;
  const nodeGroups = added.map(({ name, count, values }) => groupPlan(name, count, values, image));
  await check(cloud, cluster.project_id, cluster.name, nodeGroups);
}

/** For a template: whether what it refers to exists. It needs no room yet. */
export async function checkCloudKnows(
  cloud: Cloud,
  projectId: string,
  name: string,
  values: NodeGroupValues,
) {
  await check(cloud, projectId, name, [groupPlan(name, 0, values, null)]);
}

function groupPlan(name: string, count: number, values: NodeGroupValues, defaultImage: string | null) {
  return {
    name,
    count,
    isProxy: values.is_proxy === true,
    flavorId: String(values.flavor_id),
    imageId: values.image_id ?? defaultImage,
  };
}

async function check(
  cloud: Cloud,
  projectId: string,
  clusterName: string,
  nodeGroups: ClusterPlan['nodeGroups'],
): Promise<void> {
  const problems = await cloud.validate({ projectId, clusterId: randomUUID(), clusterName, nodeGroups });
  const [first] = problems;
  if (!first) return;
  const hints = problems.flatMap((problem) => problem.hint ?? []);
  const text = problems.map((problem) => problem.message).join('\n');
  throw new ApiError(400, first.errorName, text, hints.length > 0 ? { hint: hints.join('; ') } : {});
}
