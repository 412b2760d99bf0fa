import type { OpenStack } from '@wadi/openstack';

/** What is around the network that a cluster's machines are on. */
export interface ClusterNetwork {
  readonly id: string;
  /** Null: none leads out of it. */
  readonly router: {
    readonly id: string;
    /** Its own addresses in the network: whoever dials from its namespace comes from there. */
    readonly addresses: readonly string[];
    /** Id of the network that it leads to; null: none. */
    readonly external: string | null;
  } | null;
}

/** Null: there is no such network, or the project may not see it. */
export async function readClusterNetwork(
  openstack: OpenStack,
  id: string,
  signal?: AbortSignal,
): Promise<ClusterNetwork | null> {
  const network = await openstack.networks.get(id, { signal });
  if (!network) return null;
  const ports = await openstack.ports.list({ network_id: id }, { signal });
  const interfaces = ports.filter(({ device_owner }) => isRouters(device_owner));
  const [first] = interfaces;
  if (!first) return { id, router: null };
  const router = await openstack.routers.get(first.device_id, { signal });
  const mine = interfaces.filter(({ device_id }) => device_id === first.device_id);
  const addresses = mine.flatMap(({ fixed_ips }) => fixed_ips.map(({ ip_address }) => ip_address));
  const external = router?.external_gateway_info?.network_id ?? null;
  return { id, router: { id: first.device_id, addresses, external } };
}

/** Distributed and highly available routers have names of their own for the same. */
function isRouters(owner: string): boolean {
  return [
    'network:router_interface',
    'network:router_interface_distributed',
    'network:ha_router_replicated_interface',
  ].includes(owner);
}
