import type { OpenStack } from '@wadi/openstack';
import type { ClusterPlan, Problem } from '../cloud.ts';
import { readClusterNetwork } from './cluster-network.ts';
import { type EntranceSettings, isDialled, needsFloatingIp, poolOf, sourcesOf } from './entrance.ts';
import { clusterTag } from './names.ts';
import { readQuotas } from './quotas.ts';

/** The cluster's two groups. */
const groupCount = 2;
/** Two for each family inside, and what comes with a new group. */
const rulesOfGroups = 6;

/** What is in the way of the plan in this project; looks, and changes nothing. */
export async function findProblems(
  openstack: OpenStack,
  plan: ClusterPlan,
  settings: EntranceSettings,
): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  const flavors = new Set((await openstack.offers.flavors()).map(({ id }) => id));
  for (const { name, flavorId } of plan.nodeGroups)
    if (!flavors.has(flavorId))
      problems.push({
        errorName: 'NOT_FOUND',
        message: `Requested flavor '${flavorId}' not found`,
        field: 'flavor_id',
        nodeGroups: [name],
      });
  const needsDisk = plan.nodeGroups.filter(
    ({ volumes, bootVolume }) => volumes !== null || bootVolume !== null,
  );
  if (needsDisk.length > 0 && !(await openstack.has('block-storage')))
    problems.push({
      errorName: 'INVALID_REFERENCE',
      message: 'This OpenStack has no volumes (Cinder)',
      hint: 'leave volumes_per_node and boot_from_volume out',
      nodeGroups: needsDisk.map(({ name }) => name),
    });
  // A template alone: how it is reached is not known yet.
  if (plan.accessMethod === null || plan.networkId === null) return problems;
  return [...problems, ...(await entranceProblems(openstack, plan, settings))];
}

async function entranceProblems(
  openstack: OpenStack,
  plan: ClusterPlan,
  settings: EntranceSettings,
): Promise<readonly Problem[]> {
  const network = await readClusterNetwork(openstack, plan.networkId ?? '');
  if (!network) {
    const message = `Network ${plan.networkId} not found`;
    const hint = 'name one that the project may see as neutron_management_network';
    return [{ errorName: 'NOT_FOUND', message, hint }];
  }
  const groups = plan.nodeGroups.filter(({ count }) => count > 0);
  const problems: Problem[] = [];
  const lost = groups.filter(
    (group) => needsFloatingIp(plan, group) && poolOf(group, settings, network) === null,
  );
  if (lost.length > 0)
    problems.push({
      errorName: 'INVALID_REFERENCE',
      message: `Nothing says where floating addresses come from: network ${network.id} has no router that leads outside`,
      hint: 'give the node group a floating_ip_pool, or reach the cluster in another way (access method)',
      nodeGroups: lost.map(({ name }) => name),
    });
  const routed = plan.accessMethod === 'netns' && network.router === null;
  if (routed)
    problems.push({
      errorName: 'INVALID_REFERENCE',
      message: `Network ${network.id} has no router through whose namespace its machines could be reached`,
      hint: 'connect it to a router, or choose another access method',
    });
  else if (
    plan.accessMethod !== 'agent' &&
    groups.some((group) => isDialled(plan, group)) &&
    sourcesOf(plan, settings, network).length === 0
  )
    problems.push({
      errorName: 'INVALID_REFERENCE',
      message:
        'Nobody said from which addresses machines see this controller come, so that they could let it in',
      hint: 'start the controller with --controller-network',
    });
  return [...problems, ...(await quotaProblems(openstack, plan, groups))];
}

/** What the API did not count: the groups that are made for every cluster, and addresses that it did not ask for. */
async function quotaProblems(
  openstack: OpenStack,
  plan: ClusterPlan,
  groups: ClusterPlan['nodeGroups'],
): Promise<readonly Problem[]> {
  const left = await readQuotas(openstack);
  const made = (await openstack.securityGroups.list()).some(({ tags }) =>
    tags.includes(clusterTag(plan.clusterId)),
  );
  const { clusters = 1 } = plan;
  const wanted = {
    'floating ip': groups
      .filter((group) => needsFloatingIp(plan, group))
      .reduce((sum, { count }) => sum + count, 0),
    'security group': made ? 0 : clusters * groupCount,
    'security group rule': made ? 0 : clusters * rulesOfGroups,
  };
  return Object.entries(wanted).flatMap(([name, count]) => {
    const available = left[name as keyof typeof wanted];
    if (available === undefined || count <= available) return [];
    const message = `Quota exceeded for ${name}: Requested ${count}, but available ${available}`;
    return [{ errorName: 'QUOTA_ERROR', message }];
  });
}
