import { type Static, Type } from 'typebox';
import type { Service } from '../service/service.ts';
import { Resource } from './resource.ts';

export const Port = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: Type.Optional(Type.String()),
  /** `ACTIVE`, `DOWN`, `BUILD`. */
  status: Type.String(),
  network_id: Type.String(),
  project_id: Type.String(),
  mac_address: Type.String(),
  fixed_ips: Type.Array(Type.Object({ subnet_id: Type.String(), ip_address: Type.String() })),
  /** The server; empty: none. */
  device_id: Type.String(),
  /** `compute:nova`, `network:router_interface`, … */
  device_owner: Type.String(),
  /** Ids. */
  security_groups: Type.Array(Type.String()),
  tags: Type.Array(Type.String()),
});
export type Port = Static<typeof Port>;

export interface NewPort {
  readonly network_id: string;
  readonly name?: string;
  readonly description?: string;
  readonly fixed_ips?: readonly { readonly subnet_id?: string; readonly ip_address?: string }[];
  readonly security_groups?: readonly string[];
  readonly port_security_enabled?: boolean;
  readonly allowed_address_pairs?: readonly { readonly ip_address: string }[];
}

export interface PortFilter {
  readonly name?: string;
  readonly description?: string;
  readonly network_id?: string;
  readonly device_id?: string;
  readonly device_owner?: string;
}

export class Ports extends Resource<typeof Port, NewPort, PortFilter> {
  constructor(network: Service) {
    super(network, { path: 'ports', one: 'port', many: 'ports' }, Port);
  }
}
