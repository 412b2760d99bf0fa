import type { FloatingIp, OpenStack } from '@wadi/openstack';
import type { ClusterReference } from '../cloud.ts';
import { findOrCreate } from './find-or-create.ts';
import {
  clusterDescription,
  clusterTag,
  commonTag,
  installationTag,
  instanceDescription,
  instanceTag,
  type Mark,
} from './names.ts';
import type { Requesting } from './open-requests.ts';
import { ownThings } from './own-things.ts';

interface Wanted extends ClusterReference, Mark, Requesting {
  readonly instanceId: string;
  /** Id of the network that gives it. */
  readonly pool: string;
  /** Id of the port that it leads to. */
  readonly port: string;
  /** Default: its own. */
  readonly description?: string;
}

/** The instance's address, leading to its port. */
export async function ensureFloatingIp(
  openstack: OpenStack,
  wanted: Wanted,
  signal?: AbortSignal,
): Promise<string> {
  const { clusterId, instanceId, installationId, openRequests, pool, port } = wanted;
  const { description = instanceDescription(clusterId, instanceId) } = wanted;
  const found = await findOrCreate({
    find: async () => (await describedBy(openstack, description, signal))[0],
    ...{ what: `a floating address (${description})`, clusterId, openRequests },
    create: () => openstack.floatingIps.create({ floating_network_id: pool, port_id: port, description }),
    signal,
  });
  if (found.port_id !== port) await openstack.floatingIps.update(found.id, { port_id: port }, { signal });
  const tags = [commonTag, installationTag(installationId), clusterTag(clusterId), instanceTag(instanceId)];
  if (tags.some((tag) => !found.tags.includes(tag)))
    await openstack.floatingIps.setTags(found.id, tags, { signal });
  return found.floating_ip_address;
}

export async function deleteFloatingIp(openstack: OpenStack, description: string): Promise<void> {
  for (const { id } of await describedBy(openstack, description))
    await openstack.floatingIps.delete(id, { missingOk: true });
}

/** Of all its instances, also of those that nobody remembers. */
export async function deleteFloatingIps(
  openstack: OpenStack,
  { clusterId }: ClusterReference,
): Promise<void> {
  const mine = clusterDescription(clusterId);
  const listed = await ownThings(openstack, await openstack.floatingIps.list());
  for (const { id, description = '' } of listed)
    if (description.startsWith(`${mine},`)) await openstack.floatingIps.delete(id, { missingOk: true });
}

async function describedBy(
  openstack: OpenStack,
  description: string,
  signal?: AbortSignal,
): Promise<FloatingIp[]> {
  const listed = await openstack.floatingIps.list({ description }, { signal });
  const found = await ownThings(openstack, listed, { signal });
  return found.sort((a, b) => (a.id < b.id ? -1 : 1));
}
