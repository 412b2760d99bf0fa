import { macAddress } from '../ids.ts';
import { neutron } from '../reply.ts';
import type { Asked, Route } from '../routes.ts';
import type { World } from '../world.ts';
import { findThing, type Kind } from './kind.ts';
import { newThing, type Port, type Router, type Subnet } from './neutron.ts';

export function routerInterfaceRoutes(
  { neutron: state }: World,
  routers: Kind<Router>,
  subnets: Kind<Subnet>,
): Route[] {
  function named({ params, body, project }: Asked): {
    router: Router;
    subnet: Subnet;
    leg: Port | undefined;
  } {
    const router = findThing(routers, params.id, project);
    const subnet = findThing(subnets, body?.subnet_id, project);
    const leg = state
      .portsOf(router.id)
      .find(({ fixed_ips }) => fixed_ips.some((one) => one.subnet_id === subnet.id));
    return { router, subnet, leg };
  }

  function answer(router: Router, subnet: Subnet, port: Port) {
    const { id, tenant_id } = router;
    const subnet_ids = [subnet.id];
    const { network_id } = port;
    return {
      status: 200,
      body: { id, tenant_id, port_id: port.id, network_id, subnet_id: subnet.id, subnet_ids, tags: [] },
    };
  }

  return [
    {
      method: 'PUT',
      pattern: '/network/v2.0/routers/:id/add_router_interface',
      handler(asked) {
        const { router, subnet, leg } = named(asked);
        if (leg)
          throw neutron(
            400,
            'BadRequest',
            `Bad router request: Router already has a port on subnet ${subnet.id}.`,
          );
        if (subnet.gateway_ip === null)
          throw neutron(
            400,
            'BadRequest',
            `Bad router request: Subnet for router interface must have a gateway IP.`,
          );
        if (state.taken(subnet.network_id).has(subnet.gateway_ip))
          throw neutron(
            409,
            'IpAddressAlreadyAllocated',
            `IP address ${subnet.gateway_ip} already allocated in subnet ${subnet.id}`,
          );
        const port = newLeg(router, subnet, subnet.gateway_ip);
        state.ports.set(port.id, port);
        return answer(router, subnet, port);
      },
    },
    {
      method: 'PUT',
      pattern: '/network/v2.0/routers/:id/remove_router_interface',
      handler(asked) {
        const { router, subnet, leg } = named(asked);
        if (!leg)
          throw neutron(
            404,
            'RouterInterfaceNotFoundForSubnet',
            `Router ${router.id} has no interface on subnet ${subnet.id}.`,
          );
        const isUsed = [...state.floatingIps.values()].some(
          ({ router_id, port_id }) =>
            router_id === router.id &&
            state.ports.get(port_id ?? '')?.fixed_ips.some((one) => one.subnet_id === subnet.id),
        );
        if (isUsed)
          throw neutron(
            409,
            'RouterInterfaceInUseByFloatingIP',
            `Router interface for subnet ${subnet.id} on router ${router.id} cannot be deleted, as it is required by one or more floating IPs.`,
          );
        state.ports.delete(leg.id);
        return answer(router, subnet, leg);
      },
    },
  ];
}

export function newLeg(router: Router, subnet: Subnet, address: string): Port {
  return {
    ...newThing(router.project_id, {}),
    network_id: subnet.network_id,
    mac_address: macAddress(),
    status: 'ACTIVE',
    admin_state_up: true,
    fixed_ips: [{ subnet_id: subnet.id, ip_address: address }],
    device_id: router.id,
    device_owner: 'network:router_interface',
    security_groups: [],
    port_security_enabled: false,
    allowed_address_pairs: [],
    'binding:vnic_type': 'normal',
  };
}
