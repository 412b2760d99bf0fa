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

export interface NoRouteReason {
  readonly code: 'NO_ENTRANCE' | 'NO_ADDRESS' | 'NO_CREDENTIAL' | 'NO_PROXY' | 'NO_PROXY_ADDRESS';
  readonly reason: string;
  readonly hint: string;
}

/** Which fact is missing. */
export function whyNoRoute(
  facts: ClusterFacts,
  instance: InstanceFacts,
  entrance: Entrance = { method: 'fixed_ip' },
): NoRouteReason {
  if ('problem' in entrance)
    return {
      code: 'NO_ENTRANCE',
      reason: entrance.problem,
      hint: `wadi cluster access ${facts.clusterName} says and changes it`,
    };
  if (instance.internalIp === null && instance.managementIp === null)
    return {
      code: 'NO_ADDRESS',
      reason: 'it has no address yet',
      hint: 'wait until the cluster is Active',
    };
  if (instance.credential === null || instance.loginUser === null)
    return {
      code: 'NO_CREDENTIAL',
      reason: 'its login user or key is not known yet',
      hint: 'wait until the cluster is Active',
    };
  const address =
    entrance.method === 'floating_ip' ? 'a floating address' : 'an address that the controller can dial';
  const proxies = facts.instances.filter((each) => each.isProxy && each.id !== instance.id);
  if (proxies.length === 0)
    return {
      code: 'NO_PROXY',
      reason: `it does not have ${address}, and the cluster has no proxy instance`,
      hint: 'give a node group with is_proxy a count of at least 1, or the machine an address of its own',
    };
  const names = proxies.map((each) => each.name).join(', ');
  return {
    code: 'NO_PROXY_ADDRESS',
    reason: `it is reachable only through a proxy, and none of its proxies (${names}) has ${address}`,
    hint: `give one proxy ${address}`,
  };
}
