import { setTimeout as sleep } from 'node:timers/promises';
import type { NewSecurityGroupRule, OpenStack, SecurityGroup } from '@wadi/openstack';
import { OpenStackError } from '@wadi/openstack';
import type { ClusterPlan, ClusterReference } from '../cloud.ts';
import { findOrCreate } from './find-or-create.ts';
import {
  clusterDescription,
  clusterTag,
  commonTag,
  type GroupRole,
  groupName,
  installationTag,
  type Mark,
} from './names.ts';
import type { Requesting } from './open-requests.ts';
import { ownThings } from './own-things.ts';

/** Ids of the cluster's two groups. */
export type ClusterGroups = Readonly<Record<GroupRole, string>>;

/** With who makes them. */
type MarkedPlan = ClusterPlan & Mark & Requesting;

type Rule = Omit<NewSecurityGroupRule, 'security_group_id'>;

/** For a rule. */
const mostAttempts = 5;
/** Milliseconds between two of them. */
const pause = 1_000;

const families = ['IPv4', 'IPv6'] as const;

/**
 * `inside` lets its own members talk to each other, and nobody else to them; every machine is in it. `door` lets SSH in from
 * `sources` (CIDR), and only who is dialled is in it. Neutron lets everything out by itself.
 */
export async function ensureGroups(
  openstack: OpenStack,
  plan: MarkedPlan,
  sources: readonly string[],
  signal?: AbortSignal,
): Promise<ClusterGroups> {
  const inside = await ensureGroup(openstack, plan, 'inside', signal);
  const door = await ensureGroup(openstack, plan, 'door', signal);
  const among = families.map(
    (ethertype): Rule => ({ direction: 'ingress', ethertype, remote_group_id: inside.id }),
  );
  const ssh = { direction: 'ingress', protocol: 'tcp', port_range_min: 22, port_range_max: 22 } as const;
  const fromController = sources.map(
    (network): Rule => ({
      ...ssh,
      ethertype: network.includes(':') ? 'IPv6' : 'IPv4',
      remote_ip_prefix: network,
    }),
  );
  await ensureRules(openstack, inside, among, signal);
  await ensureRules(openstack, door, fromController, signal);
  return { inside: inside.id, door: door.id };
}

/** The cluster's `door`, where it is there. */
export async function findDoor(
  openstack: OpenStack,
  cluster: ClusterReference,
): Promise<SecurityGroup | undefined> {
  return (await groupsOf(openstack, cluster)).find(isOf('door'));
}

/** What has no tag yet has the description. */
async function groupsOf(
  openstack: OpenStack,
  { clusterId }: ClusterReference,
  signal?: AbortSignal,
): Promise<readonly SecurityGroup[]> {
  const description = clusterDescription(clusterId);
  const listed = await openstack.securityGroups.list({ description }, { signal });
  const groups = await ownThings(openstack, listed, { signal });
  return groups.filter(({ name }) => name.startsWith('wadi-')).sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Not by its whole name: the cluster may have another one by now. */
function isOf(role: GroupRole) {
  return ({ name }: SecurityGroup) => name.endsWith(`-${role}`);
}

async function ensureGroup(
  openstack: OpenStack,
  plan: MarkedPlan,
  role: GroupRole,
  signal: AbortSignal | undefined,
): Promise<SecurityGroup> {
  const name = groupName(plan.clusterName, plan.clusterId, role);
  const description = clusterDescription(plan.clusterId);
  const group = await findOrCreate({
    find: async () => (await groupsOf(openstack, plan, signal)).find(isOf(role)),
    ...{ what: whatOf({ name }), clusterId: plan.clusterId, openRequests: plan.openRequests },
    create: () => openstack.securityGroups.create({ name, description }, { signal }),
    signal,
  });
  const tags = [commonTag, installationTag(plan.installationId), clusterTag(plan.clusterId)];
  if (tags.some((tag) => !group.tags.includes(tag)))
    await openstack.securityGroups.setTags(group.id, tags, { signal });
  return group;
}

async function ensureRules(
  openstack: OpenStack,
  group: SecurityGroup,
  rules: readonly Rule[],
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const rule of rules)
    if (!group.security_group_rules.some((each) => isSame(each, rule)))
      await createRule(openstack, { ...rule, security_group_id: group.id }, signal);
}

/** Neutron refuses the same rule twice, so asking again for one whose answer was lost is harmless. */
async function createRule(
  openstack: OpenStack,
  rule: NewSecurityGroupRule,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await openstack.securityGroupRules.create(rule, { signal });
      return;
    } catch (error) {
      if (!(error instanceof OpenStackError)) throw error;
      if (error.type === 'SecurityGroupRuleExists') return;
      if (!error.maybeDone || attempt >= mostAttempts) throw error;
      await sleep(pause, undefined, { signal });
    }
  }
}

function isSame(known: SecurityGroup['security_group_rules'][number], rule: Rule): boolean {
  return (
    known.direction === rule.direction &&
    known.ethertype === rule.ethertype &&
    known.protocol === (rule.protocol ?? null) &&
    known.port_range_min === (rule.port_range_min ?? null) &&
    known.port_range_max === (rule.port_range_max ?? null) &&
    known.remote_group_id === (rule.remote_group_id ?? null) &&
    known.remote_ip_prefix === (rule.remote_ip_prefix ?? null)
  );
}

/** A CONFLICT while a port still has one of them: its server is not quite gone. Returns what requests they came by. */
export async function deleteGroups(openstack: OpenStack, cluster: ClusterReference): Promise<string[]> {
  const groups = await groupsOf(openstack, cluster);
  for (const { id } of groups) await openstack.securityGroups.delete(id, { missingOk: true });
  return groups.map(whatOf);
}

function whatOf({ name }: Pick<SecurityGroup, 'name'>): string {
  return `security group ${name}`;
}
