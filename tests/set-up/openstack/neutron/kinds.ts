import type { World } from '../world.ts';
import { floatingIpKind } from './floating-ip-kind.ts';
import { groupKind } from './group-kind.ts';
import { networkKind } from './network-kind.ts';
import { portKind } from './port-kind.ts';
import { routerKind } from './router-kind.ts';
import { ruleKind } from './rule-kind.ts';
import { subnetKind } from './subnet-kind.ts';

export type Kinds = ReturnType<typeof makeKinds>;

export function makeKinds(world: World) {
  const networks = networkKind(world);
  const groups = groupKind(world);
  const ports = portKind(world, networks, groups);
  return {
    networks,
    groups,
    ports,
    subnets: subnetKind(world, networks),
    routers: routerKind(world, networks),
    floatingIps: floatingIpKind(world, networks, ports),
    rules: ruleKind(world, groups),
  };
}
