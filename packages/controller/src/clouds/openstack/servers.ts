import { setTimeout as sleep } from 'node:timers/promises';
import type { BlockDevice, NewServer, OpenStack, Server } from '@wadi/openstack';
import { OpenStackError } from '@wadi/openstack';
import type { ClusterReference, InstanceRequest, NodeGroupPlan } from '../cloud.ts';
import { findOrCreate } from './find-or-create.ts';
import { readHostKeys } from './host-keys.ts';
import { clusterTag, commonTag, installationTag, instanceTag, type Mark } from './names.ts';
import type { Requesting } from './open-requests.ts';

/** Milliseconds. */
const limits = {
  /** From the request until the machine is switched on. */
  active: 900_000,
  /** From then until it has told its host keys. */
  hostKeys: 600_000,
  /** From the deletion until it is gone. */
  gone: 300_000,
};
const firstPause = 1_000;
const longestPause = 5_000;

/** In the metadata of a server that was given its host key: the public half. */
const hostKeyMark = 'wadi_host_key';

export interface ServerDetails extends Mark {
  readonly networkId: string;
  /** Ids or names. */
  readonly securityGroups: readonly string[];
  readonly userData: string;
  /** The host key that is in there, if one is. */
  readonly hostKey: string | null;
  /** Id; null: any host will do. */
  readonly serverGroup: string | null;
  /** GiB of the volume that it starts from, if it does. */
  readonly bootDisk: number;
}

/** The instance's server, switched on. Throws with Nova's own reason when that cannot be. */
export async function ensureServer(
  openstack: OpenStack,
  request: InstanceRequest & Requesting,
  details: () => Promise<ServerDetails>,
  signal?: AbortSignal,
): Promise<Server> {
  const { clusterId, instanceId } = request;
  const found = await findOrCreate({
    find: async () => (await serversOf(openstack, instanceId, signal))[0],
    ...{ what: whatOf(request), clusterId, openRequests: request.openRequests },
    create: async () =>
      // Without the signal: Nova would go on with what was cut off, and nobody would know of it.
      openstack.servers.create(newServer(request, await details(), [clusterId, instanceId])),
    signal,
  });
  return await untilActive(openstack, found, signal);
}

/** Of several the oldest: every controller chooses the same. */
async function serversOf(openstack: OpenStack, instanceId: string, signal?: AbortSignal): Promise<Server[]> {
  const servers = await openstack.servers.list({ tags: [instanceTag(instanceId)] }, { signal });
  return servers.sort((a, b) => a.created.localeCompare(b.created) || a.id.localeCompare(b.id));
}

function newServer(
  { name, nodeGroup, plan }: InstanceRequest,
  details: ServerDetails,
  [clusterId, instanceId]: readonly [string, string],
): NewServer {
  const { networkId, securityGroups, userData, serverGroup } = details;
  const devices = blockDevices(nodeGroup, details.bootDisk);
  return {
    name,
    flavorRef: nodeGroup.flavorId,
    ...(nodeGroup.bootVolume ? {} : { imageRef: nodeGroup.imageId ?? '' }),
    networks: [{ uuid: networkId }],
    security_groups: securityGroups.map((group) => ({ name: group })),
    user_data: userData,
    metadata: {
      ...{ wadi_cluster: clusterId, wadi_instance: instanceId, wadi_cluster_name: plan.clusterName },
      ...(details.hostKey === null ? {} : { [hostKeyMark]: details.hostKey }),
    },
    tags: [
      commonTag,
      installationTag(details.installationId),
      clusterTag(clusterId),
      instanceTag(instanceId),
    ],
    ...(nodeGroup.zone === null ? {} : { availability_zone: nodeGroup.zone }),
    ...(devices.length > 0 ? { block_device_mapping_v2: devices } : {}),
    ...(serverGroup === null ? {} : { hints: { group: serverGroup } }),
  };
}

/** Volumes come and go with their machine: Nova makes them and deletes them. */
function blockDevices({ bootVolume, imageId, volumes }: NodeGroupPlan, bootDisk: number): BlockDevice[] {
  const devices: BlockDevice[] = [];
  const common = { destination_type: 'volume', delete_on_termination: true } as const;
  const typed = (type: string | null) => (type === null ? {} : { volume_type: type });
  if (bootVolume)
    devices.push({
      ...common,
      ...typed(bootVolume.type),
      source_type: 'image',
      uuid: imageId ?? '',
      boot_index: 0,
      volume_size: bootDisk,
    });
  // A list that begins with no boot disk would be one without any.
  else if (volumes && imageId !== null)
    devices.push({
      source_type: 'image',
      destination_type: 'local',
      uuid: imageId,
      boot_index: 0,
      delete_on_termination: true,
    });
  for (let index = 0; index < (volumes?.count ?? 0); index += 1)
    devices.push({
      ...common,
      ...typed(volumes?.type ?? null),
      source_type: 'blank',
      boot_index: -1,
      volume_size: Math.max(volumes?.size ?? 1, 1),
    });
  return devices;
}

async function untilActive(openstack: OpenStack, found: Server, signal?: AbortSignal): Promise<Server> {
  return await poll(limits.active, `server ${found.id} is not ACTIVE`, signal, async () => {
    const server = await openstack.servers.get(found.id, { signal });
    if (!server) throw new Error(`server ${found.id} is gone: somebody deleted it while it was built`);
    if (server.status === 'ERROR')
      throw new Error(
        `Nova could not make it: ${server.fault?.message ?? 'it does not say why'} (server ${found.id})`,
      );
    return server.status === 'ACTIVE' ? server : undefined;
  });
}

/** As it wrote them on its console when it started. */
export async function hostKeysOf(openstack: OpenStack, id: string, signal?: AbortSignal) {
  const late = `server ${id} did not tell its host keys on its console`;
  return await poll(limits.hostKeys, late, signal, async () => {
    const keys = await hostKeysToldBy(openstack, id, signal);
    return keys.length > 0 ? keys : undefined;
  });
}

/** The host key that it was given; undefined: it makes its own. */
export function givenHostKey({ metadata }: Server): string | undefined {
  return metadata[hostKeyMark];
}

/** Whether this cloud shows consoles at all: a hypervisor may have none (501), and a policy may forbid them (403). */
export async function hasConsole(openstack: OpenStack, id: string, signal?: AbortSignal): Promise<boolean> {
  try {
    await consoleOf(openstack, id, signal);
    return true;
  } catch (error) {
    if (error instanceof OpenStackError && (error.status === 501 || error.status === 403)) return false;
    throw error;
  }
}

/** Up to now; empty: none, or there is no such server. */
export async function hostKeysToldBy(openstack: OpenStack, id: string, signal?: AbortSignal) {
  return readHostKeys(await consoleOf(openstack, id, signal));
}

/** Nova says 409 or 404 for a moment while the machine has no console yet. */
async function consoleOf(openstack: OpenStack, id: string, signal?: AbortSignal): Promise<string> {
  try {
    return await openstack.servers.consoleLog(id, { signal });
  } catch (error) {
    if (error instanceof OpenStackError && ['CONFLICT', 'NOT_FOUND'].includes(error.code)) return '';
    throw error;
  }
}

/** The server that carries the instance's tag; undefined: there is none. */
export async function findServer(openstack: OpenStack, instanceId: string): Promise<Server | undefined> {
  return (await serversOf(openstack, instanceId))[0];
}

export async function deleteServersOf(openstack: OpenStack, instanceId: string): Promise<void> {
  await deleteAll(openstack, await serversOf(openstack, instanceId));
}

/** Those of the cluster except `known`. Returns what requests they came by. */
export async function deleteServers(
  openstack: OpenStack,
  { clusterId }: ClusterReference,
  known: readonly string[] = [],
): Promise<string[]> {
  const servers = await openstack.servers.list({ tags: [clusterTag(clusterId)] });
  const strangers = servers.filter(({ id }) => !known.includes(id));
  await deleteAll(openstack, strangers);
  return strangers.map(whatOf);
}

function whatOf({ name }: Pick<Server, 'name'>): string {
  return `server ${name}`;
}

/** Nova accepts it at once, and needs some seconds. */
export async function deleteAll(openstack: OpenStack, servers: readonly Pick<Server, 'id'>[]): Promise<void> {
  for (const { id } of servers) await openstack.servers.delete(id, { missingOk: true });
  for (const { id } of servers)
    await poll(limits.gone, `server ${id} is still there`, undefined, async () => {
      const server = await openstack.servers.get(id);
      if (server?.status === 'ERROR' && !server['OS-EXT-STS:task_state'])
        throw new Error(
          `Nova could not delete server ${id}: ${server.fault?.message ?? 'it does not say why'}`,
        );
      return server === null || ['DELETED', 'SOFT_DELETED'].includes(server.status) ? true : undefined;
    });
}

async function poll<T>(
  limit: number,
  late: string,
  signal: AbortSignal | undefined,
  look: () => Promise<T | undefined>,
): Promise<T> {
  const since = performance.now();
  for (let pause = firstPause; ; pause = Math.min(pause * 1.3, longestPause)) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() - since > limit) throw new Error(`${late}, after ${limit / 60_000} minutes`);
    await sleep(pause, undefined, { signal });
  }
}
