import type { OpenStack } from '@wadi/openstack';
import type { ClusterPlan, ClusterReference, NodeGroupPlan } from '../cloud.ts';
import { findOrCreate } from './find-or-create.ts';
import { serverGroupName } from './names.ts';

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
  { clusterId }: ClusterReference,
): Promise<string> {
  const name = serverGroupName(clusterId);
  const found = await findOrCreate({
    find: async () => (await openstack.serverGroups.list({ name }))[0],
    create: () => openstack.serverGroups.create(name, 'anti-affinity'),
  });
  return found.id;
}

export async function deleteServerGroups(
  openstack: OpenStack,
  { clusterId }: ClusterReference,
): Promise<void> {
  for (const { id } of await openstack.serverGroups.list({ name: serverGroupName(clusterId) }))
    await openstack.serverGroups.delete(id, { missingOk: true });
}
