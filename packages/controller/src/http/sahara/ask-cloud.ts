import { randomUUID } from 'node:crypto';
import { type AccessMethod, ApiError, type FieldPath } from '@wadi/api';
import type { CloudQuestions, ClusterPlan, Problem } from '../../clouds/cloud.ts';
import { planNodeGroup } from '../../clouds/plan-node-group.ts';
import type { ClusterSpec } from '../../clusters/cluster-request.ts';
import type { NodeGroupValues } from '../../clusters/node-group.ts';
import type { ClusterRow } from '../../storage/clusters.ts';
import type { PlannedCluster } from './plan-cluster.ts';

/** Before anything is stored: what the cloud has against it; returns what it was asked. All clusters of one request are asked for at once. */
export async function checkCloudAccepts(
  cloud: CloudQuestions,
  projectId: string,
  plan: PlannedCluster,
  accessMethod: AccessMethod,
): Promise<ClusterPlan> {
  const groups = plan.nodeGroups.map((group) => ({ ...group, count: group.count * plan.names.length }));
  const hasProxy = groups.some(({ count, values }) => values.is_proxy === true && count > 0);
  const clusterName = plan.names[0] ?? '';
  const asked = { projectId, clusterName, spec: plan.spec, groups, hasProxy, accessMethod };
  return await check(cloud, { ...asked, clusters: plan.names.length });
}

/** For a cluster that is to grow: whether there is room for what is added, and only that. */
export async function checkCloudHasRoom(
  cloud: CloudQuestions,
  cluster: ClusterRow,
  added: readonly Asked[],
  reached: Pick<AskedCluster, 'hasProxy' | 'accessMethod'>,
): Promise<void> {
  if (added.length === 0) return;
  const { id: clusterId, project_id: projectId, name: clusterName, spec } = cluster;
  await check(cloud, {
    projectId,
    clusterId,
    clusterName,
    spec: spec as ClusterSpec,
    groups: added,
    ...reached,
  });
}

/** For a template: whether what it refers to exists. It needs no room yet. */
export async function checkCloudKnows(
  cloud: CloudQuestions,
  projectId: string,
  name: string,
  values: NodeGroupValues,
  where: FieldPath = [],
) {
  const groups = [{ name, count: 0, values, where }];
  await check(cloud, { projectId, clusterName: name, spec: {}, groups, hasProxy: false, accessMethod: null });
}

interface Asked {
  readonly name: string;
  readonly count: number;
  readonly values: NodeGroupValues;
  /** Where in the request it stands. */
  readonly where: FieldPath;
}

interface AskedCluster {
  readonly projectId: string;
  /** Absent: it is not there yet. */
  readonly clusterId?: string;
  readonly clusterName: string;
  /** Absent: one. */
  readonly clusters?: number;
  readonly spec: ClusterSpec;
  readonly groups: readonly Asked[];
  readonly hasProxy: boolean;
  /** Null: it is not known yet. */
  readonly accessMethod: AccessMethod | null;
}

async function check(cloud: CloudQuestions, asked: AskedCluster): Promise<ClusterPlan> {
  const { projectId, clusterId = randomUUID(), clusterName, clusters = 1 } = asked;
  const { spec, groups, hasProxy, accessMethod } = asked;
  const plan: ClusterPlan = {
    projectId,
    clusterId,
    clusterName,
    clusters,
    nodeGroups: groups.map((group) => planNodeGroup(group, group.values, spec.default_image_id ?? null)),
    hasProxy,
    networkId: spec.neutron_management_network ?? null,
    // It is no matter of what there is room for.
    userKey: null,
    antiAffinity: spec.anti_affinity ?? [],
    accessMethod,
  };
  const problems = await cloud.validate(plan);
  const [first] = problems;
  if (!first) return plan;
  const hints = problems.flatMap((problem) => problem.hint ?? []);
  const text = problems.map((problem) => problem.message).join('\n');
  const fields = problems.flatMap(({ field, nodeGroups: names }: Problem) =>
    field === undefined
      ? []
      : groups.filter(({ name }) => names?.includes(name) ?? true).map(({ where }) => [...where, field]),
  );
  throw new ApiError(400, first.errorName, text, {
    fields,
    ...(hints.length > 0 && { hint: hints.join('; ') }),
  });
}
