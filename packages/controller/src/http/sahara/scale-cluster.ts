import { randomUUID } from 'node:crypto';
import { ClusterScale, type FieldPath } from '@wadi/api';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Kysely } from 'kysely';
import { answered } from '../../clouds/cloud.ts';
import type { ClusterSpec } from '../../clusters/cluster-request.ts';
import { checkGroupNames, checkHostNames, checkMachines } from '../../clusters/cluster-rules.ts';
import { effectiveValues, type NodeGroupValues, planAddedGroup } from '../../clusters/node-group.ts';
import { checkMayUpdate } from '../../clusters/ownership.ts';
import type { PluginRelease } from '../../clusters/plugin.ts';
import {
  checkEnabled,
  checkNodeGroup,
  pinProblem,
  requirePlugin,
  requireRelease,
} from '../../clusters/plugin-rules.ts';
import { refuseSecrets } from '../../clusters/plugin-secrets.ts';
import {
  checkProxiesStay,
  checkResizes,
  checkServingStay,
  checkSpares,
  planScaling,
  type Resize,
  type ScalableGroup,
  type ScalingPlan,
  type SpareMachine,
} from '../../clusters/scaling.ts';
import { isInUse } from '../../provisioning/proxies/promote-machine.ts';
import {
  type ClusterRow,
  clusterParts,
  findCluster,
  type NodeGroupRow,
  setStatus,
  updateCluster,
} from '../../storage/clusters.ts';
import { listInstances } from '../../storage/instances.ts';
import { listInventoryMachines, takeSpareMachines } from '../../storage/inventory-machines.ts';
import { insertScaling } from '../../storage/scalings.ts';
import type { Schema } from '../../storage/schema.ts';
import { findVisible } from '../../storage/visible-row.ts';
import type { HttpContext } from '../context.ts';
import { requireRootFor } from '../require-root.ts';
import { checkCloudHasRoom, checkCloudKnows } from './ask-cloud.ts';
import { checkQuotas } from './check-quotas.ts';
import {
  checkClusterReferences,
  checkImage,
  checkNodeGroupReferences,
  findUserKey,
  type ReferencePlace,
} from './check-references.ts';
import { findTemplates } from './find-templates.ts';
import { checkQuery } from './list-query.ts';
import { pluginsOf } from './plugins.ts';
import { readBody } from './read-body.ts';
import { invalidReference, notFound } from './refusals.ts';
import type { SaharaOptions } from './sahara-resources.ts';
import { showCluster, statusEvent } from './view-cluster.ts';

/** Of two that ask at once the second waits for the first one's lock, and finds a cluster that is not Active. */
export async function scaleCluster(
  context: HttpContext,
  { plugins, provisioning, methodOf }: SaharaOptions,
  request: FastifyRequest<{ Params: { id: string } }>,
  reply: FastifyReply,
) {
  const { db } = context;
  const { projectId } = request.principal;
  const { id } = request.params;
  const scalingId = randomUUID();
  // Before the transaction: one that waits for a second connection could wait for itself.
  const known = await pluginsOf(db, plugins, projectId);
  const settle = async (at: Kysely<Schema>, asked: 'not yet' | 'already') => {
    const lock = asked === 'already' ? 'update' : undefined;
    const cluster = await findVisible(at, 'cluster', projectId, id, lock);
    if (!cluster) throw notFound({ id });
    const body = readBody(ClusterScale, request);
    checkCanScale(context, cluster);
    checkEnabled(requirePlugin(known, cluster.plugin_name, []), cluster.plugin_version, []);
    checkMayUpdate('ClusterResource', cluster, projectId, body);
    if (cluster.status !== 'Active')
      throw invalidReference(
        `Cluster cannot be scaled not in 'Active' status. Cluster status: ${cluster.status}`,
      );
    const own = context.clouds.get(cluster.cloud);
    if (!own) throw invalidReference(`The cloud '${cluster.cloud}' of this cluster is not switched on`);
    const cloud = asked === 'already' ? answered(own) : own;
    return { cluster, ...(await settlePlan({ plugins: known, methodOf, cloud }, at, cluster, body)) };
  };
  // The cloud may take its time, which nobody has who holds a lock.
  const { cluster: seen } = await settle(db, 'not yet');
  const userKey = seen.user_public_key ?? (await keyOfEarlier(context, request, seen));
  const row = await db.transaction().execute(async (tx) => {
    const { cluster, plan, release, further, takesSpares } = await settle(tx, 'already');
    // What the cluster has already was allowed when it was made.
    requireRootFor(request, release, ...further.map(({ values }) => values.node_configs));
    checkQuery(request, 'clusters_scale');
    const added = further.map((group) => group.row);
    if (added.length > 0) await tx.insertInto('node_group').values(added).execute();
    if (takesSpares) await takeSpareMachines(tx, cluster.id, plan.add);
    await insertScaling(tx, { id: scalingId, clusterId: cluster.id, plan });
    if (userKey !== cluster.user_public_key)
      await updateCluster(tx, cluster.id, { user_public_key: userKey });
    await setStatus(tx, cluster.id, 'Validating');
    await context.events.append(statusEvent(cluster, 'Validating'), tx);
    return (await findCluster(tx, cluster.id)) ?? cluster;
  });
  await provisioning.scaleCluster(row.id, scalingId);
  reply.code(202);
  return { cluster: await showCluster(db, row, { withEvents: false }) };
}

/** A cluster that was made before keys were kept: that of whoever asks first. */
async function keyOfEarlier(
  { clouds }: HttpContext,
  request: FastifyRequest,
  { cloud: name, spec }: ClusterRow,
): Promise<string | null> {
  const cloud = clouds.get(name);
  return cloud ? await findUserKey(cloud, request, spec as ClusterSpec) : null;
}

/** Before its plugin is asked for, which may be another service's. */
function checkCanScale({ clouds }: HttpContext, { name, cloud }: ClusterRow): void {
  const reason = clouds.get(cloud)?.cannotScale;
  if (reason !== undefined) throw invalidReference(`Cluster '${name}' cannot be scaled: ${reason}`);
}

/** All that can be refused is refused here; what comes out is what will be done. */
async function settlePlan(
  { plugins, methodOf, cloud }: Pick<SaharaOptions, 'plugins' | 'methodOf'> & Pick<ReferencePlace, 'cloud'>,
  tx: Kysely<Schema>,
  cluster: ClusterRow,
  request: ClusterScale,
) {
  const parts = (await clusterParts(tx, [cluster.id], { withEvents: false })).get(cluster.id);
  const stored = parts?.nodeGroups ?? [];
  const sparesOf = cloud.keepsMachines ? await spareMachines(tx, cluster.id) : undefined;
  const groups = stored.map((group) => ({
    id: group.id,
    name: group.name,
    count: group.count,
    isProxy: group.is_proxy,
    instances: parts?.instances.filter((one) => one.node_group_id === group.id) ?? [],
    spares: sparesOf?.(group.name),
  }));
  const place = { db: tx, cloud, projectId: cluster.project_id };
  const release = requireRelease(requirePlugin(plugins, cluster.plugin_name, []), cluster.plugin_version, []);
  await checkClusterReferences(place, release, cluster.spec as ClusterSpec, { complete: true });
  const resizes: readonly Resize[] = request.resize_node_groups ?? [];
  checkGroupNames(resizes, ['resize_node_groups']);
  checkResizes(groups, resizes);
  const further = await planGroups(place, release, cluster, request, stored);
  const toAdd = further.map(({ id, name, count, values }) => ({
    ...{ id, name, count, instances: [] },
    isProxy: values.is_proxy === true,
    spares: sparesOf?.(name),
  }));
  checkProxiesStay(cluster.name, groups, toAdd, resizes);
  const processes = [
    ...stored.map(({ spec }) => spec as unknown as NodeGroupValues),
    ...further.map(({ values }) => values),
  ];
  const changed = pinProblem(
    plugins,
    cluster,
    processes.flatMap(({ node_processes }) => node_processes),
  );
  if (changed !== null) throw invalidReference(`Cluster '${cluster.name}' cannot be scaled: ${changed}`);
  const places = new Map<string, FieldPath>([
    ...resizes.map(({ name }, index) => [name, ['resize_node_groups', index]] as const),
    ...further.map(({ name, where }) => [name, where] as const),
  ]);
  const grown = stored.map(({ name, count, spec }) => ({
    ...{ name, values: spec as unknown as NodeGroupValues, where: places.get(name) ?? [] },
    count: (resizes.find((resize) => resize.name === name)?.count ?? count) - count,
  }));
  const resized = [...grown, ...further];
  const growing = resized.filter(({ count }) => count > 0);
  // As the cluster's own image, theirs may have lost its tags since.
  for (const { count, values, where } of grown)
    if (count > 0 && values.image_id) await checkImage(place, release, values.image_id, [...where, 'count']);
  // Before the plan, which has an entry for every machine.
  checkMachines(growing);
  checkSpares(groups, toAdd, resizes);
  if (!sparesOf) {
    const hasProxy = [...groups, ...toAdd].some(({ isProxy, count }) => isProxy && count > 0);
    await checkCloudHasRoom(cloud, cluster, growing, { hasProxy, accessMethod: methodOf(cluster) });
  }
  if (growing.length > 0) await checkQuotas(cloud, cluster.project_id, resized);
  const plan = planScaling(cluster.name, groups, toAdd, resizes);
  const machines = (await listInstances(tx, cluster.id)).map((row) => ({ ...row, serves: isInUse(row) }));
  checkServingStay(cluster.name, machines, plan.remove);
  if (!sparesOf) checkNewNames(cluster.name, [...groups, ...toAdd], plan, places);
  return { plan, release, further, takesSpares: sparesOf !== undefined };
}

/** Machines that are there already keep their names; those that are made get one of their group's. */
function checkNewNames(
  clusterName: string,
  groups: readonly ScalableGroup[],
  plan: ScalingPlan,
  places: ReadonlyMap<string, FieldPath>,
): void {
  const highest = new Map(plan.add.map(({ nodeGroupId, index }) => [nodeGroupId, index]));
  for (const group of groups)
    checkHostNames(clusterName, [{ ...group, count: highest.get(group.id) ?? 0 }], () => [
      [...(places.get(group.name) ?? []), group.instances.length === 0 ? 'name' : 'count'],
    ]);
}

/** By node group, in the order in which they will be taken. */
async function spareMachines(tx: Kysely<Schema>, clusterId: string) {
  const machines = (await listInventoryMachines(tx, clusterId)).filter(({ spare }) => spare);
  return (nodeGroupName: string): readonly SpareMachine[] =>
    machines
      .filter(({ node_group_name }) => node_group_name === nodeGroupName)
      .map(({ name, index, is_proxy: isProxy }) => ({ name, index, isProxy }));
}

async function planGroups(
  place: ReferencePlace,
  release: PluginRelease,
  cluster: ClusterRow,
  request: ClusterScale,
  stored: readonly NodeGroupRow[],
) {
  const requested = (request.add_node_groups ?? []).map(planAddedGroup);
  checkGroupNames(requested, ['add_node_groups']);
  // Names of machines are lower case: groups that differ in nothing else would have the same machines.
  const known = new Set(stored.map(({ name }) => name.toLowerCase()));
  for (const [index, { name }] of requested.entries())
    if (known.has(name.toLowerCase()))
      throw invalidReference(`Can't add new nodegroup. Cluster already has nodegroup with name '${name}'`, [
        ...['add_node_groups', index, 'name'],
      ]);
  const templates = await findTemplates(place.db, cluster.project_id, requested, ['add_node_groups']);
  const position = Math.max(-1, ...stored.map((group) => group.position)) + 1;
  const planned = requested.map(({ name, count, node_group_template_id, given }, index) => {
    const values = effectiveValues(templates.of({ node_group_template_id })?.spec ?? {}, given);
    const where = ['add_node_groups', index];
    checkNodeGroup(release, values, where);
    refuseSecrets(release, values.node_configs, [...where, 'node_configs']);
    const id = randomUUID();
    const row = {
      ...{ id, name, node_group_template_id, cluster_id: cluster.id, position: position + index },
      // It has none until they are made.
      count: 0,
      is_proxy: values.is_proxy === true,
      spec: JSON.stringify(values),
    };
    return { id, name, count, values, where, row };
  });
  for (const { name, values, where } of planned) {
    // Also of a group that gets its machines later: it may never have any otherwise.
    await checkCloudKnows(place.cloud, cluster.project_id, name, values, where);
    await checkNodeGroupReferences(place, release, values, where);
  }
  return planned;
}
