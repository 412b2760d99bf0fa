import { isHere } from '../../access/access-settings.ts';
import type { ClusterFacts, InstanceFacts } from '../../access/cluster-facts.ts';
import type { ClusterReach } from '../../access/cluster-reach.ts';
import { servesAsProxy } from '../../access/plan-routes.ts';
import { adoptedCloud } from '../../clusters/adopted.ts';
import type { ClusterRow } from '../../storage/clusters.ts';
import type { IsolationMode } from './isolation-mode.ts';

/**
 * Whether machines of the cluster are asked from outside. Its own setting decides, unless the operator forbade it for all.
 * Where the controller dials fixed addresses it is in the machines' own network: an answer there says nothing.
 */
export function isProven(
  { cloud, access }: Pick<ClusterRow, 'cloud' | 'access'>,
  { method }: Pick<ClusterReach, 'method'>,
  mode: IsolationMode,
): boolean {
  if (mode === 'off' || isHere(cloud)) return false;
  const { isolation_check: own } = access as { isolation_check?: unknown };
  if (typeof own === 'boolean') return own;
  return method !== 'fixed_ip' && (!isTold(cloud) || mode === 'all');
}

/** Somebody told us of its machines, their addresses among that. */
export function isTold(cloud: string): boolean {
  return cloud === 'inventory' || cloud === adoptedCloud;
}

/** Those that nobody but a proxy should reach. One with an address for the outside is meant to be reached there. */
export function innerMachines({ instances }: ClusterFacts): InstanceFacts[] {
  if (!instances.some(servesAsProxy)) return [];
  return instances.filter(
    ({ isProxy, duty, floatingIp = null, managementIp }) =>
      !isProxy && duty === undefined && floatingIp === null && managementIp === null,
  );
}
