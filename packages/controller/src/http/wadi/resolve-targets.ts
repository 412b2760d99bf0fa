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
  const chosen = new Set<string>();
  const unknown: string[] = [];
  for (const target of targets) {
    const meant = instancesMeant(instances, target);
    for (const each of meant) chosen.add(each.id);
    if (meant.length === 0) unknown.push(target);
  }
  if (unknown.length > 0) throw unknownTargets(facts, unknown);
  return instances.filter((each) => chosen.has(each.id));
}

/** An instance's name wins over a node group's. */
function instancesMeant(instances: readonly InstanceFacts[], target: string): readonly InstanceFacts[] {
  const id = target.toLowerCase();
  const one = instances.find((each) => each.name === target || each.id === id);
  return one ? [one] : instances.filter((each) => each.nodeGroupName === target);
}

export function unknownTargets(facts: ClusterFacts, unknown: readonly string[]): ApiError {
  const names = facts.instances.flatMap((each) => [each.name, each.nodeGroupName]);
  const near = [...new Set(unknown.flatMap((each) => nearNames(each, names)))].slice(0, 5);
  const hint =
    near.length > 0
      ? `did you mean ${near.join(', ')}?`
      : `its node groups: ${[...new Set(facts.instances.map((each) => each.nodeGroupName))].join(', ')}`;
  const which = unknown.map((each) => `'${each}'`).join(', ');
  const message = `Cluster ${facts.clusterName} has no instance or node group ${which}`;
  return new ApiError(400, 'INVALID_REFERENCE', message, { hint, details: { unknown_targets: unknown } });
}
