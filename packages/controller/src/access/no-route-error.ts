import type { AccessSettings, ClusterFacts, Entrance, InstanceFacts } from './cluster-facts.ts';

/** The facts give no way to the machine: nothing was tried. */
export class NoRouteError extends Error {
  override readonly name = 'NoRouteError';
  readonly code = 'NO_ROUTE';
  readonly hop: string;
  readonly hint: string;

  constructor(facts: ClusterFacts, instance: InstanceFacts, settings?: Pick<AccessSettings, 'entrance'>) {
    const { reason, hint } = whyNoRoute(facts, instance, settings?.entrance);
    super(`machine ${instance.name} of cluster ${facts.clusterName}: ${reason}`);
    this.hop = instance.name;
    this.hint = hint;
  }
}

function whyNoRoute(
  facts: ClusterFacts,
  instance: InstanceFacts,
  entrance: Entrance = { method: 'fixed_ip' },
): { reason: string; hint: string } {
  if ('problem' in entrance)
    return { reason: entrance.problem, hint: `wadi cluster access ${facts.clusterName} says and changes it` };
  if (instance.internalIp === null && instance.managementIp === null)
    return { reason: 'it has no address yet', hint: 'wait until the cluster is Active' };
  if (instance.credential === null || instance.loginUser === null)
    return {
      reason: 'its login user or key is not known yet',
      hint: 'wait until the cluster is Active',
    };
  const address =
    entrance.method === 'floating_ip' ? 'a floating address' : 'an address that the controller can dial';
  const proxies = facts.instances.filter((each) => each.isProxy && each.id !== instance.id);
  if (proxies.length === 0)
    return {
      reason: `it does not have ${address}, and the cluster has no proxy instance`,
      hint: 'give a node group with is_proxy a count of at least 1, or the machine an address of its own',
    };
  const names = proxies.map((each) => each.name).join(', ');
  return {
    reason: `it is reachable only through a proxy, and none of its proxies (${names}) has ${address}`,
    hint: `give one proxy ${address}`,
  };
}
