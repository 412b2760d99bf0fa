import type { AccessSettings, ClusterFacts, Entrance, InstanceFacts } from './cluster-facts.ts';
import { servesAsProxy } from './plan-routes.ts';

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
  readonly code:
    | 'FENCED'
    | 'NO_ENTRANCE'
    | 'NO_ADDRESS'
    | 'NO_CREDENTIAL'
    | 'NO_PROXY'
    | 'NO_PROXY_IN_USE'
    | 'NO_PROXY_ADDRESS';
  readonly reason: string;
  readonly hint: string;
}

/** Which fact is missing. */
export function whyNoRoute(
  facts: ClusterFacts,
  instance: InstanceFacts,
  entrance: Entrance = { method: 'fixed_ip' },
): NoRouteReason {
  const { clusterName } = facts;
  if (instance.duty === 'fenced')
    return {
      code: 'FENCED',
      reason: 'it is fenced, since another machine was promoted in its place',
      hint: `wadi proxies readmit ${clusterName}/${instance.name} takes it into use again`,
    };
  if ('problem' in entrance)
    return {
      code: 'NO_ENTRANCE',
      reason: entrance.problem,
      hint: `wadi cluster access ${clusterName} says and changes it`,
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
  const others = facts.instances.filter((each) => each.id !== instance.id);
  const proxies = others.filter(servesAsProxy);
  const unused = others.filter((each) => each.isProxy).map((each) => each.name);
  if (proxies.length === 0 && unused.length > 0)
    return {
      code: 'NO_PROXY_IN_USE',
      reason: `it is reachable only through a proxy, and all of them (${unused.join(', ')}) are drained or fenced`,
      hint: `wadi proxies readmit ${clusterName}/${unused[0]}, or promote another machine`,
    };
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
