import { seconds, uuid } from '../ids.ts';

export interface Thing {
  readonly id: string;
  readonly project_id: string;
  readonly tenant_id: string;
  name: string;
  description: string;
  tags: string[];
  revision_number: number;
  readonly created_at: string;
  updated_at: string;
}

export interface Network extends Thing {
  status: string;
  shared: boolean;
  admin_state_up: boolean;
  'router:external': boolean;
  port_security_enabled: boolean;
  mtu: number;
}

export interface Subnet extends Thing {
  readonly network_id: string;
  readonly cidr: string;
  readonly ip_version: number;
  gateway_ip: string | null;
  enable_dhcp: boolean;
  dns_nameservers: readonly string[];
}

export interface FixedIp {
  readonly subnet_id: string;
  readonly ip_address: string;
}

export interface Port extends Thing {
  readonly network_id: string;
  readonly mac_address: string;
  status: string;
  admin_state_up: boolean;
  fixed_ips: FixedIp[];
  device_id: string;
  device_owner: string;
  security_groups: string[];
  port_security_enabled: boolean;
  allowed_address_pairs: readonly object[];
  'binding:vnic_type': string;
}

export interface Router extends Thing {
  status: string;
  admin_state_up: boolean;
  external_gateway_info: {
    readonly network_id: string;
    readonly external_fixed_ips: readonly FixedIp[];
  } | null;
}

export interface FloatingIp extends Thing {
  readonly floating_ip_address: string;
  readonly floating_network_id: string;
  status: string;
  port_id: string | null;
  fixed_ip_address: string | null;
  router_id: string | null;
}

export interface SecurityGroup extends Thing {
  stateful: boolean;
}

export interface Rule extends Thing {
  readonly security_group_id: string;
  readonly direction: string;
  readonly ethertype: string;
  readonly protocol: string | null;
  readonly port_range_min: number | null;
  readonly port_range_max: number | null;
  readonly remote_ip_prefix: string | null;
  readonly remote_group_id: string | null;
}

/** What Neutron holds. */
export class Neutron {
  readonly networks = new Map<string, Network>();
  readonly subnets = new Map<string, Subnet>();
  readonly ports = new Map<string, Port>();
  readonly routers = new Map<string, Router>();
  readonly floatingIps = new Map<string, FloatingIp>();
  readonly groups = new Map<string, SecurityGroup>();
  readonly rules = new Map<string, Rule>();

  portsOf(deviceId: string): Port[] {
    return [...this.ports.values()].filter((port) => port.device_id === deviceId);
  }

  subnetsOf(networkId: string): Subnet[] {
    return [...this.subnets.values()].filter((subnet) => subnet.network_id === networkId);
  }

  floatingIpOf(portId: string): FloatingIp | undefined {
    return [...this.floatingIps.values()].find(({ port_id }) => port_id === portId);
  }

  /** In use on a network, by whomever. */
  taken(networkId: string): Set<string> {
    const ports = [...this.ports.values()].filter((port) => port.network_id === networkId);
    const floating = [...this.floatingIps.values()].filter((one) => one.floating_network_id === networkId);
    const routers = [...this.routers.values()].flatMap(
      (one) => one.external_gateway_info?.external_fixed_ips ?? [],
    );
    return new Set([
      ...ports.flatMap(({ fixed_ips }) => fixed_ips.map(({ ip_address }) => ip_address)),
      ...floating.map(({ floating_ip_address }) => floating_ip_address),
      ...routers.map(({ ip_address }) => ip_address),
    ]);
  }
}

/** What every thing has. */
export function newThing(
  project: string,
  { name = '', description = '' }: { name?: string; description?: string },
): Thing {
  const now = seconds();
  return {
    id: uuid(),
    project_id: project,
    tenant_id: project,
    name,
    description: description ?? '',
    tags: [],
    revision_number: 1,
    created_at: now,
    updated_at: now,
  };
}
