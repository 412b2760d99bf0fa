import { type Static, Type } from 'typebox';
import type { Service } from '../service/service.ts';
import { Resource } from './resource.ts';

const NullableText = Type.Union([Type.String(), Type.Null()]);

export const FloatingIp = Type.Object({
  id: Type.String(),
  floating_ip_address: Type.String(),
  floating_network_id: Type.String(),
  project_id: Type.String(),
  /** DOWN for a moment after it was attached. */
  status: Type.String(),
  description: Type.Optional(Type.String()),
  /** ISO 8601; absent: Neutron was told not to keep it. */
  created_at: Type.Optional(Type.String()),
  port_id: NullableText,
  fixed_ip_address: NullableText,
  router_id: NullableText,
  tags: Type.Array(Type.String()),
});
export type FloatingIp = Static<typeof FloatingIp>;

export interface NewFloatingIp {
  readonly floating_network_id: string;
  /** It has no name: what finds it again before it has a tag. */
  readonly description?: string;
  /** Null takes it off. */
  readonly port_id?: string | null;
  readonly fixed_ip_address?: string;
  readonly floating_ip_address?: string;
}

export interface FloatingIpFilter {
  readonly description?: string;
  readonly floating_network_id?: string;
  readonly floating_ip_address?: string;
  readonly port_id?: string;
}

export class FloatingIps extends Resource<typeof FloatingIp, NewFloatingIp, FloatingIpFilter> {
  constructor(network: Service) {
    super(network, { path: 'floatingips', one: 'floatingip', many: 'floatingips' }, FloatingIp);
  }
}
