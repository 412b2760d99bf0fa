import type { Kinds } from '../neutron/kinds.ts';
import type { Route } from '../routes.ts';
import type { World } from '../world.ts';
import { actionRoutes } from './action-routes.ts';
import { keypairRoutes } from './keypair-routes.ts';
import type { Life } from './life.ts';
import { offerRoutes } from './offer-routes.ts';
import { serverGroupRoutes } from './server-group-routes.ts';
import { serverRoutes } from './server-routes.ts';
import { serverTagRoutes } from './server-tag-routes.ts';

export function novaRoutes(world: World, kinds: Kinds, life: Life): Route[] {
  return [
    ...serverRoutes(world, kinds, life),
    ...actionRoutes(world, life),
    ...serverTagRoutes(world),
    ...keypairRoutes(world),
    ...serverGroupRoutes(world),
    ...offerRoutes(world),
  ];
}
