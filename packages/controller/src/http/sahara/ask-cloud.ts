import { randomUUID } from 'node:crypto';
import { ApiError, type FieldPath } from '@wadi/api';
import type { Cloud, Problem } from '../../clouds/cloud.ts';
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
  const image = plan.spec.default_image_id ?? null;
  const nodeGroups = plan.nodeGroups.map((group) =>
    groupPlan({ ...group, count: group.count * plan.names.length }, image),
  );
  await check(cloud, projectId, plan.names[0] ?? '', nodeGroups);
}

/** For a cluster that is to grow: whether there is room for what is added, and only that. */
export async function checkCloudHasRoom(
  cloud: Cloud,
  cluster: ClusterRow,
  added: readonly Asked[],
): Promise<void> {
  const image = (cluster.spec as ClusterSpec).default_image_id ?? null;
  if (added.length === 0) return;
  const nodeGroups = added.map((group) => groupPlan(group, image));
  await check(cloud, cluster.project_id, cluster.name, nodeGroups);
}

/** For a template: whether what it refers to exists. It needs no room yet. */
export async function checkCloudKnows(
  cloud: Cloud,
  projectId: string,
  name: string,
  values: NodeGroupValues,
  where: FieldPath = [],
) {
  await check(cloud, projectId, name, [groupPlan({ name, count: 0, values, where }, null)]);
}

interface Asked {
  readonly name: string;
  readonly count: number;
  readonly values: NodeGroupValues;
  /** Where in the request it stands. */
  readonly where: FieldPath;
}

function groupPlan({ name, count, values, where }: Asked, defaultImage: string | null) {
  return {
    name,
    count,
    where,
    isProxy: values.is_proxy === true,
    flavorId: String(values.flavor_id),
    imageId: values.image_id ?? defaultImage,
  };
}

async function check(
  cloud: Cloud,
  projectId: string,
  clusterName: string,
  nodeGroups: readonly ReturnType<typeof groupPlan>[],
): Promise<void> {
  const problems = await cloud.validate({ projectId, clusterId: randomUUID(), clusterName, nodeGroups });
  const [first] = problems;
  if (!first) return;
  const hints = problems.flatMap((problem) => problem.hint ?? []);
  const text = problems.map((problem) => problem.message).join('\n');
  const fields = problems.flatMap(({ field, nodeGroups: names }: Problem) =>
    field === undefined
      ? []
      : nodeGroups.filter(({ name }) => names?.includes(name) ?? true).map(({ where }) => [...where, field]),
  );
  throw new ApiError(400, first.errorName, text, {
    fields,
    ...(hints.length > 0 && { hint: hints.join('; ') }),
  });
}
