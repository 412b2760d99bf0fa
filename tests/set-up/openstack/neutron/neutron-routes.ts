import { neutron } from '../reply.ts';
import type { Route } from '../routes.ts';
import type { World } from '../world.ts';
import type { Kinds } from './kinds.ts';
import { resourceRoutes } from './resource-routes.ts';
import { routerInterfaceRoutes } from './router-interfaces.ts';
import { tagRoutes } from './tag-routes.ts';

export function neutronRoutes(world: World, kinds: Kinds): Route[] {
  const { networks, subnets, ports, routers, floatingIps, groups, rules } = kinds;
  return [
    ...resourceRoutes(world, networks),
    ...tagRoutes(networks),
    ...resourceRoutes(world, subnets),
    ...tagRoutes(subnets),
    ...resourceRoutes(world, ports),
    ...tagRoutes(ports),
    ...resourceRoutes(world, routers),
    ...tagRoutes(routers),
    ...routerInterfaceRoutes(world, routers, subnets),
    ...resourceRoutes(world, floatingIps),
    ...tagRoutes(floatingIps),
    ...resourceRoutes(world, groups),
    ...tagRoutes(groups),
    ...resourceRoutes(world, rules).filter(({ method }) => method !== 'PUT'),
    {
      method: 'GET',
      pattern: '/network/v2.0/quotas/:project/details',
      handler({ params, project }) {
        if (params.project !== project)
          throw neutron(
            403,
            'AdminRequired',
            'User does not have admin privileges: Only admin is authorized to access quotas for another project.',
          );
        const all = Object.values(kinds).map(({ one, things }) => {
          const used = [...things.values()].filter((thing) => thing.project_id === project).length;
          return [one, { limit: world.settings.networkQuota[one], used, reserved: 0 }];
        });
        return { status: 200, body: { quota: Object.fromEntries(all) } };
      },
    },
  ];
}
