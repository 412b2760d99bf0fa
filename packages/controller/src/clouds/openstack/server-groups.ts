import type { OpenStack } from '@wadi/openstack';
import type { ClusterPlan, ClusterReference, NodeGroupPlan } from '../cloud.ts';
import { findOrCreate } from './find-or-create.ts';
import { serverGroupName } from './names.ts';

/** Id of the group whose servers are on different hosts; null: nobody asked for it. */
export async function ensureServerGroup(
  openstack: OpenStack,
  plan: ClusterPlan,
  group: NodeGroupPlan,
  signal?: AbortSignal,
): Promise<string | null> {
  if (!group.processes.some((process) => plan.antiAffinity.includes(process))) return null;
  const name = serverGroupName(plan.clusterId);
  const found = await findOrCreate({
    find: async () => (await openstack.serverGroups.list({ name }, { signal }))[0],
    create: () => openstack.serverGroups.create(name, 'anti-affinity', { signal }),
    signal,
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
