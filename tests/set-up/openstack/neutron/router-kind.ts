import { neutron } from '../reply.ts';
import type { Json } from '../routes.ts';
import type { World } from '../world.ts';
import { nextAddress } from './addresses.ts';
import { findThing, type Kind } from './kind.ts';
import { type Network, newThing, type Router } from './neutron.ts';

export function routerKind({ neutron: state }: World, networks: Kind<Network>): Kind<Router> {
  function gateway(given: Json, project: string): Router['external_gateway_info'] {
    if (!given?.network_id) return null;
    const network = findThing(networks, given.network_id, project);
    if (!network['router:external'])
      throw neutron(
        400,
        'BadRequest',
        `Bad router request: Network ${network.id} is not an external network.`,
      );
    const [subnet] = state.subnetsOf(network.id);
    const taken = state.taken(network.id);
    const fixed = subnet ? [{ subnet_id: subnet.id, ip_address: nextAddress(subnet, taken) }] : [];
    return { network_id: network.id, external_fixed_ips: fixed };
  }

  return {
    path: 'routers',
    one: 'router',
    many: 'routers',
    things: state.routers,
    creatable: ['name', 'description', 'admin_state_up', 'external_gateway_info'],
    changeable: ['name', 'description', 'admin_state_up', 'external_gateway_info'],
    show: () => ({ routes: [], availability_zones: ['nova'], availability_zone_hints: [], flavor_id: null }),
    create: (fields, project) => ({
      ...newThing(project, fields),
      status: 'ACTIVE',
      admin_state_up: fields.admin_state_up ?? true,
      external_gateway_info: gateway(fields.external_gateway_info, project),
    }),
    change(router, { external_gateway_info, ...changes }) {
      if (external_gateway_info !== undefined) {
        const isUsed = [...state.floatingIps.values()].some(({ router_id }) => router_id === router.id);
        const isSame = external_gateway_info?.network_id === router.external_gateway_info?.network_id;
        if (isUsed && !isSame)
          throw neutron(
            409,
            'RouterExternalGatewayInUseByFloatingIp',
            `Gateway cannot be updated for router ${router.id}, since a gateway to external network is required by one or more floating IPs.`,
          );
        if (!isSame) router.external_gateway_info = gateway(external_gateway_info, router.project_id);
      }
      Object.assign(router, changes);
    },
    remove({ id }) {
      if (state.portsOf(id).length > 0) throw neutron(409, 'RouterInUse', `Router ${id} still has ports`);
    },
  };
}
