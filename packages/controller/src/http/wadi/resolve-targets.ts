import { ApiError } from '@wadi/api';
import type { ClusterFacts, InstanceFacts } from '../../access/cluster-facts.ts';
import { nearNames } from './near-names.ts';

/**
 * The instances meant by names or ids of instances and names of node groups; none named: all. Each once, in the order of
 * the cluster. A name that means nothing is an error that names it.
 */
export function resolveTargets(facts: ClusterFacts, targets: readonly string[]): readonly InstanceFacts[] {
  const { instances, clusterName } = facts;
  if (instances.length === 0)
    throw new ApiError(400, 'INVALID_REFERENCE', `Cluster ${clusterName} has no instances`, {
      hint: 'wait until it is Active, or give its node groups a count of at least 1',
    });
  if (targets.length === 0) return instances;
  const { names, ids, groups } = indexOf(instances);
  const chosen = new Set<string>();
  const unknown: string[] = [];
  for (const target of new Set(targets)) {
    // An instance's name wins over a node group's.
    const one = names.get(target) ?? ids.get(target.toLowerCase());
    const meant = one ? [one] : groups.get(target);
    for (const each of meant ?? []) chosen.add(each.id);
    if (!meant) unknown.push(target);
  }
  if (unknown.length > 0) throw unknownTargets(facts, unknown);
  return instances.filter((each) => chosen.has(each.id));
}

/** Looked up, not searched: there may be thousands of either. */
function indexOf(instances: readonly InstanceFacts[]) {
  const names = new Map(instances.map((each) => [each.name, each]));
  const ids = new Map(instances.map((each) => [each.id, each]));
  const groups = new Map<string, InstanceFacts[]>();
  for (const each of instances) {
    const group = groups.get(each.nodeGroupName);
    if (group) group.push(each);
    else groups.set(each.nodeGroupName, [each]);
  }
  return { names, ids, groups };
}

/** Of all that is unknown, what is told: the rest is most likely wrong in the same way. */
const mostTold = 20;
const mostGuessed = 3;

export function unknownTargets(facts: ClusterFacts, unknown: readonly string[]): ApiError {
  const names = facts.instances.flatMap((each) => [each.name, each.nodeGroupName]);
  const guessed = unknown.slice(0, mostGuessed).flatMap((each) => nearNames(each, names));
  const near = [...new Set(guessed)].slice(0, 5);
  const hint =
    near.length > 0
      ? `did you mean ${near.join(', ')}?`
      : `its node groups: ${[...new Set(facts.instances.map((each) => each.nodeGroupName))].join(', ')}`;
  const told = unknown
    .slice(0, mostTold)
    .map((each) => (each.length > 100 ? `${each.slice(0, 100)}…` : each));
  const more = unknown.length > mostTold ? ` and ${unknown.length - mostTold} more` : '';
  const which = `${told.map((each) => `'${each}'`).join(', ')}${more}`;
  const message = `Cluster ${facts.clusterName} has no instance or node group ${which}`;
  return new ApiError(400, 'INVALID_REFERENCE', message, { hint, details: { unknown_targets: told } });
}
