import { neutron } from '../reply.ts';
import type { Json } from '../routes.ts';
import type { World } from '../world.ts';
import { nextAddress } from './addresses.ts';
import { findThing, type Kind } from './kind.ts';
import { type FloatingIp, type Network, newThing, type Port } from './neutron.ts';

export function floatingIpKind(world: World, networks: Kind<Network>, ports: Kind<Port>): Kind<FloatingIp> {
  const { neutron: state } = world;

  /** Where it is to lead to; the id of a port, and perhaps which of its addresses. */
  function target(floating: FloatingIp, { port_id, fixed_ip_address }: Json) {
    const port = findThing(ports, port_id, floating.project_id);
    const fixed = port.fixed_ips.find((one) => !fixed_ip_address || one.ip_address === fixed_ip_address);
    if (!fixed)
      throw neutron(400, 'BadRequest', `Bad floatingip request: Port ${port_id} has no such fixed IP.`);
    const other = state.floatingIpOf(port.id);
    if (other && other.id !== floating.id && other.fixed_ip_address === fixed.ip_address)
      throw neutron(
        409,
        'FloatingIPPortAlreadyAssociated',
        `Cannot associate floating IP ${floating.floating_ip_address} (${floating.id}) with port ${port.id} using fixed IP ${fixed.ip_address}, as that fixed IP already has a floating IP on external network ${floating.floating_network_id}.`,
      );
    const router = [...state.routers.values()].find(
      ({ id, external_gateway_info }) =>
        external_gateway_info?.network_id === floating.floating_network_id &&
        state.portsOf(id).some((leg) => leg.fixed_ips.some((one) => one.subnet_id === fixed.subnet_id)),
    );
    if (!router)
      throw neutron(
        404,
        'ExternalGatewayForFloatingIPNotFound',
        `External network ${floating.floating_network_id} is not reachable from subnet ${fixed.subnet_id}.  Therefore, cannot associate Port ${port.id} with a Floating IP.`,
      );
    return { port_id: port.id, fixed_ip_address: fixed.ip_address, router_id: router.id };
  }

  return {
    path: 'floatingips',
    one: 'floatingip',
    many: 'floatingips',
    things: state.floatingIps,
    creatable: [
      'floating_network_id',
      'description',
      'port_id',
      'fixed_ip_address',
      'floating_ip_address',
      'subnet_id',
    ],
    changeable: ['description', 'port_id', 'fixed_ip_address'],
    show({ port_id }) {
      const port = state.ports.get(port_id ?? '');
      if (!port) return { name: undefined, port_details: null };
      const { name, network_id, mac_address, admin_state_up, status, device_id, device_owner } = port;
      const details = { name, network_id, mac_address, admin_state_up, status, device_id, device_owner };
      return { name: undefined, port_details: details };
    },
    create(fields, project) {
      const network = findThing(networks, fields.floating_network_id, project);
      if (!network['router:external'])
        throw neutron(
          400,
          'BadRequest',
          `Bad floatingip request: Network ${network.id} is not a valid external network.`,
        );
      if (fields.floating_ip_address)
        throw neutron(
          403,
          'PolicyNotAuthorized',
          '(rule:create_floatingip and rule:create_floatingip:floating_ip_address) is disallowed by policy',
        );
      const [subnet] = state.subnetsOf(network.id);
      if (!subnet)
        throw neutron(
          409,
          'IpAddressGenerationFailure',
          `No more IP addresses available on network ${network.id}.`,
        );
      const thing = newThing(project, fields);
      const unattached = { port_id: null, fixed_ip_address: null, router_id: null };
      const bare = {
        ...thing,
        floating_network_id: network.id,
        floating_ip_address: '',
        status: 'DOWN',
        ...unattached,
      };
      const wanted = fields.port_id ? target(bare, fields) : unattached;
      const floating_ip_address = nextAddress(subnet, state.taken(network.id));
      const floating: FloatingIp = { ...bare, floating_ip_address, ...wanted };
      settle(world, floating);
      return floating;
    },
    change(floating, changes) {
      if (changes.description !== undefined) floating.description = changes.description;
      if (changes.port_id === null) detach(world, floating);
      else if (changes.port_id !== undefined) {
        Object.assign(floating, target(floating, changes), { status: 'DOWN' });
        settle(world, floating);
      }
    },
    remove: (floating) => detach(world, floating),
  };
}

export function detach(world: World, floating: FloatingIp): void {
  if (floating.port_id === null) return;
  Object.assign(floating, { port_id: null, fixed_ip_address: null, router_id: null });
  settle(world, floating);
}

/** The L3 agent says a moment later what has become of it. */
function settle({ clock, settings, hooks }: World, floating: FloatingIp): void {
  const { floating_ip_address: address, fixed_ip_address: fixed } = floating;
  const { onFloatingIp } = hooks;
  if (address !== '' && onFloatingIp) clock.call(() => onFloatingIp(address, fixed));
  clock.after(settings.changedAfter, () => {
    floating.status = floating.port_id === null ? 'DOWN' : 'ACTIVE';
  });
}
