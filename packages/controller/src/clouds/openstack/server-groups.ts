import type { OpenStack } from '@wadi/openstack';
import type { ClusterPlan, ClusterReference, NodeGroupPlan } from '../cloud.ts';
import { findOrCreate } from './find-or-create.ts';
import { isServerGroupOf, type Mark, serverGroupName } from './names.ts';
import type { Requesting } from './open-requests.ts';

/** Whether its machines are to be on other hosts than those of its kind. */
export function isApart(
  { antiAffinity }: Pick<ClusterPlan, 'antiAffinity'>,
  { processes }: Pick<NodeGroupPlan, 'processes'>,
): boolean {
  return processes.some((process) => antiAffinity.includes(process));
}

/** Id of the group whose servers are on different hosts. */
export async function ensureServerGroup(
  openstack: OpenStack,
  wanted: ClusterReference & Mark & Requesting,
): Promise<string> {
  const name = serverGroupName(wanted.clusterId, wanted);
  const found = await findOrCreate({
    ...{ what: `server group ${name}`, clusterId: wanted.clusterId, openRequests: wanted.openRequests },
    find: async () => (await groupsOf(openstack, wanted))[0],
    create: () => openstack.serverGroups.create(name, 'anti-affinity'),
  });
  return found.id;
}

export async function deleteServerGroups(openstack: OpenStack, cluster: ClusterReference): Promise<void> {
  for (const { id } of await groupsOf(openstack, cluster))
    await openstack.serverGroups.delete(id, { missingOk: true });
}

async function groupsOf(openstack: OpenStack, { clusterId }: ClusterReference, signal?: AbortSignal) {
  const groups = await openstack.serverGroups.list({}, { signal });
  return groups.filter(({ name }) => isServerGroupOf(clusterId, name));
}
