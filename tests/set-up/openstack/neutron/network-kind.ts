import { neutron } from '../reply.ts';
import type { World } from '../world.ts';
import type { Kind } from './kind.ts';
import { type Network, newThing } from './neutron.ts';

export function networkKind({ neutron: state }: World): Kind<Network> {
  return {
    path: 'networks',
    one: 'network',
    many: 'networks',
    things: state.networks,
    creatable: ['name', 'description', 'admin_state_up', 'port_security_enabled', 'mtu'],
    changeable: ['name', 'description', 'admin_state_up', 'port_security_enabled', 'mtu'],
    isShared: (network) => network.shared || network['router:external'],
    show: ({ id }) => ({
      subnets: state.subnetsOf(id).map((subnet) => subnet.id),
      availability_zones: ['nova'],
      availability_zone_hints: [],
      ipv4_address_scope: null,
      ipv6_address_scope: null,
    }),
    create: (fields, project) => ({
      ...newThing(project, fields),
      status: 'ACTIVE',
      shared: false,
      'router:external': false,
      admin_state_up: fields.admin_state_up ?? true,
      port_security_enabled: fields.port_security_enabled ?? true,
      mtu: fields.mtu ?? 1450,
    }),
    change: Object.assign,
    remove({ id }) {
      const ports = [...state.ports.values()].filter((port) => port.network_id === id).map((port) => port.id);
      if (ports.length > 0)
        throw neutron(
          409,
          'NetworkInUse',
          `Unable to complete operation on network ${id}. There are one or more ports still in use on the network, id for these ports is: ${ports.join(',')}.`,
        );
      for (const subnet of state.subnetsOf(id)) state.subnets.delete(subnet.id);
    },
  };
}
