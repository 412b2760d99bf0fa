import type { ClusterPlan, NodeGroupPlan } from '../cloud.ts';
import type { ClusterNetwork } from './cluster-network.ts';

/** As the operator has it. */
export interface EntranceSettings {
  readonly controllerNetworks: readonly string[];
  readonly floatingIpPool: string | null;
}

type Reached = Pick<ClusterPlan, 'accessMethod' | 'hasProxy'>;

/** The controller dials them; the others are reached through one of these. */
export function isDialled({ hasProxy }: Reached, { isProxy }: Pick<NodeGroupPlan, 'isProxy'>): boolean {
  return isProxy || !hasProxy;
}

/** It is in the group that lets the controller in: it is dialled, or could be by an address that somebody wanted for it. */
export function letsIn(plan: Reached, group: NodeGroupPlan): boolean {
  return isDialled(plan, group) || (plan.accessMethod === 'floating_ip' && group.floatingIpPool !== null);
}

export function needsFloatingIp(plan: Reached, group: NodeGroupPlan): boolean {
  return group.floatingIpPool !== null || (plan.accessMethod === 'floating_ip' && isDialled(plan, group));
}

/** Id of the network that a group's floating addresses are of; null: nobody can tell. */
export function poolOf(
  group: Pick<NodeGroupPlan, 'floatingIpPool'>,
  settings: EntranceSettings,
  network: ClusterNetwork | null,
): string | null {
  return group.floatingIpPool ?? settings.floatingIpPool ?? network?.router?.external ?? null;
}

/**
 * From where those that are dialled see the controller (CIDR). From a router's namespace it comes with the router's address;
 * machines that dial out themselves let nobody in.
 */
export function sourcesOf(
  { accessMethod }: Reached,
  { controllerNetworks }: EntranceSettings,
  network: ClusterNetwork | null,
): readonly string[] {
  const ofRouter = (network?.router?.addresses ?? []).map(
    (address) => `${address}/${address.includes(':') ? 128 : 32}`,
  );
  if (accessMethod === 'agent') return [];
  if (accessMethod === 'netns') return ofRouter;
  return accessMethod === 'proxy_command' ? [...controllerNetworks, ...ofRouter] : controllerNetworks;
}
