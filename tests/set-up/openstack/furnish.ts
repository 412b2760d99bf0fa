import { hexId, uuid } from './ids.ts';
import { addDefaultGroup } from './neutron/group-kind.ts';
import type { Kinds } from './neutron/kinds.ts';
import type { Network } from './neutron/neutron.ts';
import { newLeg } from './neutron/router-interfaces.ts';
import type { Json } from './routes.ts';
import type { World } from './world.ts';

/** What is there before anybody asks, as in the lab. */
export interface Furniture {
  /** CIDRs. Machines on loopback want addresses of 127.0.0.0/8. */
  readonly privateRange: string;
  readonly publicRange: string;
  /** Properties by name. All are public. */
  readonly images: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface Furnished {
  readonly privateNetwork: string;
  readonly privateSubnet: string;
  readonly router: string;
  readonly externalNetwork: string;
  /** Ids by name: `lab.tiny`, `lab.small`, `lab.medium`. */
  readonly flavors: Readonly<Record<string, string>>;
  readonly images: Readonly<Record<string, string>>;
}

/** For the first project; the external network is of nobody's. */
export function furnish(
  world: World,
  kinds: Kinds,
  { privateRange, publicRange, images }: Furniture,
): Furnished {
  const { identity, nova, glance } = world;
  for (const { id } of identity.projects) addDefaultGroup(world, id);
  const project = identity.projects[0]?.id ?? '';
  const nobody = hexId();

  function network(name: string, cidr: string, owner: string, isExternal: boolean) {
    const made: Network = kinds.networks.create({ name }, owner);
    made['router:external'] = isExternal;
    kinds.networks.things.set(made.id, made);
    const subnet = kinds.subnets.create({ name, network_id: made.id, cidr, ip_version: 4 }, owner);
    kinds.subnets.things.set(subnet.id, subnet);
    return { made, subnet };
  }

  const outside = network('public', publicRange, nobody, true);
  const inside = network('private', privateRange, project, false);
  const gateway: Json = { network_id: outside.made.id };
  const router = kinds.routers.create({ name: 'router', external_gateway_info: gateway }, project);
  kinds.routers.things.set(router.id, router);
  const leg = newLeg(router, inside.subnet, inside.subnet.gateway_ip ?? '');
  kinds.ports.things.set(leg.id, leg);
  nova.flavors.push(
    { id: uuid(), name: 'lab.tiny', vcpus: 1, ram: 160, disk: 1 },
    { id: uuid(), name: 'lab.small', vcpus: 1, ram: 256, disk: 2 },
    { id: uuid(), name: 'lab.medium', vcpus: 2, ram: 512, disk: 4 },
  );
  const made = Object.entries(images).map(([name, properties]) => {
    const content = { status: 'active', size: 300_000_000, disk_format: 'qcow2', container_format: 'bare' };
    return [name, glance.add(nobody, { name, visibility: 'public', ...content, ...properties }).id];
  });
  return {
    privateNetwork: inside.made.id,
    privateSubnet: inside.subnet.id,
    router: router.id,
    externalNetwork: outside.made.id,
    flavors: Object.fromEntries(nova.flavors.map(({ id, name }) => [name, id])),
    images: Object.fromEntries(made),
  };
}
