import { generateManagementKey } from '../../access/management-key.ts';
import { readIdentity } from '../../access/stored-identity.ts';
import {
  type ClusterPlan,
  type HostIdentity,
  type InstanceRequest,
  type NodeGroupPlan,
  referenceTo,
} from '../../clouds/cloud.ts';
import { instanceName } from '../../clusters/scaling.ts';
import { type ClusterRow, findCluster, type NodeGroupRow } from '../../storage/clusters.ts';
import { registeredImages } from '../../storage/images.ts';
import { ensureInjectedHostKey } from '../../storage/injected-host-keys.ts';
import {
  findOrCreateInstances,
  type InstanceWithGroup,
  listInstances,
  recordInstance,
} from '../../storage/instances.ts';
import { listInventoryMachines } from '../../storage/inventory-machines.ts';
import { addStepEvents } from '../../storage/provision-progress.ts';
import { advance, type ClusterWork, cloudOf, nodeGroupsOf, planOf, theCluster } from '../cluster-work.ts';
import { inProvisionStep } from '../provision-step.ts';
import { ClusterGoneError, ProvisioningError } from '../provisioning-error.ts';

/** Brings all machines into being. A row per place and the cloud's find-or-create make it repeatable. */
export async function spawnInstances(work: ClusterWork, signal: AbortSignal): Promise<void> {
  await advance(work, 'Spawning');
  const cluster = await theCluster(work);
  await ensureInstanceRows(work, cluster);
  await spawnRows(work, await listInstances(work.db, cluster.id), signal);
}

/** Brings the machines of these rows into being. `type`: of what work it is a step. */
export async function spawnRows(
  work: ClusterWork,
  instances: readonly InstanceWithGroup[],
  signal: AbortSignal,
  type?: string,
): Promise<void> {
  const cluster = await theCluster(work);
  const keys = await authorizedKeys(work, cluster);
  const plan = await planOf(work, cluster);
  const { inviteAgent: invite } = work;
  const groups = new Map(plan.nodeGroups.map((group) => [group.name, group]));
  const images = await registeredImages(work.db, cluster.project_id, cluster.cloud);

  const told = { name: 'Run instances', total: instances.length, ...(type && { type }) };
  await inProvisionStep(work, told, async (step) => {
    const failures: string[] = [];
    const spawn = async (instance: InstanceWithGroup) => {
      const nodeGroup = groups.get(instance.node_group_name);
      if (!nodeGroup || signal.aborted) throw new ClusterGoneError(cluster.id);
      const about = { id: instance.id, name: instance.name, nodeGroupId: instance.node_group_id };
      try {
        const request = {
          ...referenceTo(cluster),
          plan,
          clusterName: cluster.name,
          instanceId: instance.id,
          name: instance.name,
          nodeGroup,
          index: instance.index,
          authorizedKey: instance.is_proxy ? keys.proxies : keys.machines,
          loginUser: images.get(nodeGroup.imageId ?? '')?.username ?? null,
          hostKeys: instance.host_keys,
          hostIdentity: () => hostIdentity(work, instance),
          ...(dialsIn(plan, nodeGroup) && invite ? { inviteAgent: () => invite(instance.id) } : {}),
        };
        await spawnInstance(work, cluster, request, signal);
        await addStepEvents(work.db, step, [{ instance: about, successful: true, info: null }]);
      } catch (error) {
        if (error instanceof ClusterGoneError) throw error;
        const info = (error as Error).message;
        failures.push(`machine ${instance.name}: ${info}`);
        await addStepEvents(work.db, step, [{ instance: about, successful: false, info }]);
      }
    };
    // All of them come to an end before the step does: nothing goes on behind its back.
    const ends = await Promise.allSettled(
      instances.map((each) => work.limits.run(cluster, () => spawn(each), signal)),
    );
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    if (failures.length > 0) throw new ProvisioningError(failures.join('; '));
  });
}

async function hostIdentity(work: ClusterWork, instance: InstanceWithGroup): Promise<HostIdentity> {
  const make = () => JSON.stringify(generateManagementKey(''));
  const stored = await ensureInjectedHostKey(work.db, work.secrets, instance, make);
  if (stored === undefined) throw new ClusterGoneError(instance.cluster_id);
  const { privateKey, publicKey } = JSON.parse(stored) as HostIdentity;
  return { privateKey, publicKey: publicKey.trim() };
}

/** One agent on a proxy is enough for all that are behind it. */
function dialsIn({ accessMethod, hasProxy }: ClusterPlan, { isProxy }: NodeGroupPlan): boolean {
  return accessMethod === 'agent' && (isProxy || !hasProxy);
}

/** `<cluster>-<group>-<index>`, or the name and number that a machine has already. */
async function ensureInstanceRows(work: ClusterWork, cluster: ClusterRow): Promise<void> {
  const groups = await nodeGroupsOf(work, cluster.id);
  const places = cloudOf(work, cluster).keepsMachines
    ? await placesInUse(work, cluster, groups)
    : groups.flatMap((group) =>
        Array.from({ length: group.count }, (_, index) => ({
          clusterId: cluster.id,
          nodeGroupId: group.id,
          index,
          name: instanceName(cluster.name, group.name, index),
        })),
      );
  await findOrCreateInstances(work.db, places);
}

async function placesInUse(
  work: ClusterWork,
  { id: clusterId }: ClusterRow,
  groups: readonly NodeGroupRow[],
) {
  const ids = new Map(groups.map((group) => [group.name, group.id]));
  const machines = await listInventoryMachines(work.db, clusterId);
  return machines.flatMap(({ node_group_name, spare, index, name }) => {
    const nodeGroupId = ids.get(node_group_name);
    return spare || nodeGroupId === undefined ? [] : [{ clusterId, nodeGroupId, index, name }];
  });
}

async function authorizedKeys(work: ClusterWork, cluster: ClusterRow) {
  const publicKey = async (secret: string | null) =>
    secret === null ? '' : ((await readIdentity(work.secrets, secret)).publicKey ?? '');
  return {
    machines: await publicKey(cluster.management_secret_id),
    proxies: await publicKey(cluster.proxy_secret_id),
  };
}

/**
 * A deletion may begin while the cloud is at work. Then one of two sees the machine: the deletion, which came after
 * the look below, or this look, which came after the deletion's begin and takes the machine away again. The cloud may have
 * failed because of the deletion, and may have made it all the same.
 */
async function spawnInstance(
  work: ClusterWork,
  cluster: ClusterRow,
  request: InstanceRequest,
  signal: AbortSignal,
): Promise<void> {
  await theCluster(work);
  const cloud = cloudOf(work, cluster);
  let cloudInstanceId: string | null = null;
  try {
    const found = await cloud.findOrCreateInstance(request, signal);
    cloudInstanceId = found.cloudInstanceId;
    if (!(await recordInstance(work.db, request.instanceId, found))) throw new ClusterGoneError(cluster.id);
    await theCluster(work);
  } catch (error) {
    const now = await findCluster(work.db, cluster.id);
    if (error instanceof ClusterGoneError || now === undefined || now.status === 'Deleting') {
      const { instanceId, name } = request;
      await cloud.deleteInstance({ ...referenceTo(cluster), instanceId, name, cloudInstanceId });
    }
    // Whoever deleted it has looked for the last time.
    if (now === undefined) await cloud.deleteCluster(referenceTo(cluster));
    throw error;
  }
}
