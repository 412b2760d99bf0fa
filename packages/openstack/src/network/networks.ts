import { type Static, Type } from 'typebox';
import type { Service } from '../service/service.ts';
import { Resource } from './resource.ts';

const Text = Type.String();
const Tags = Type.Array(Type.String());
const NullableText = Type.Union([Type.String(), Type.Null()]);

export const Network = Type.Object({
  id: Text,
  name: Text,
  status: Text,
  project_id: Text,
  subnets: Type.Array(Text),
  tags: Tags,
  shared: Type.Boolean(),
  /** Floating IPs come from such. */
  'router:external': Type.Optional(Type.Boolean()),
  port_security_enabled: Type.Optional(Type.Boolean()),
  mtu: Type.Optional(Type.Union([Type.Integer(), Type.Null()])),
});
export type Network = Static<typeof Network>;

export interface NewNetwork {
  readonly name: string;
  readonly description?: string;
  readonly port_security_enabled?: boolean;
}

export interface NetworkFilter {
  readonly name?: string;
  readonly description?: string;
  readonly 'router:external'?: boolean;
}

export class Networks extends Resource<typeof Network, NewNetwork, NetworkFilter> {
  constructor(network: Service) {
    super(network, { path: 'networks', one: 'network', many: 'networks' }, Network);
  }
}

export const Subnet = Type.Object({
  id: Text,
  name: Text,
  network_id: Text,
  project_id: Text,
  cidr: Text,
  ip_version: Type.Integer(),
  gateway_ip: NullableText,
  enable_dhcp: Type.Boolean(),
  tags: Tags,
});
export type Subnet = Static<typeof Subnet>;

export interface NewSubnet {
  readonly network_id: string;
  readonly name?: string;
  readonly description?: string;
  readonly cidr: string;
  readonly ip_version: 4 | 6;
  readonly gateway_ip?: string | null;
  readonly enable_dhcp?: boolean;
  readonly dns_nameservers?: readonly string[];
}

export interface SubnetFilter {
  readonly name?: string;
  readonly network_id?: string;
}

export class Subnets extends Resource<typeof Subnet, NewSubnet, SubnetFilter> {
  constructor(network: Service) {
    super(network, { path: 'subnets', one: 'subnet', many: 'subnets' }, Subnet);
  }
}
