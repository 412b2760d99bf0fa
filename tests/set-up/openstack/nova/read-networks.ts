import { isVisible } from '../neutron/kind.ts';
import type { Kinds } from '../neutron/kinds.ts';
import { nova } from '../reply.ts';
import type { Json } from '../routes.ts';
import type { World } from '../world.ts';

/** Where a new server gets its legs: ports that are there, or networks on which one is made. */
export interface Leg {
  readonly portId?: string;
  readonly networkId?: string;
  readonly fixedIp?: string;
}

export function readLegs(world: World, kinds: Kinds, wanted: Json, project: string): Leg[] {
  const { networks } = wanted;
  if (networks === 'none') return [];
  if (Array.isArray(networks)) return networks.map((one) => readLeg(world, kinds, one, project));
  const own = [...kinds.networks.things.values()].filter(
    (network) => network.project_id === project && !network['router:external'],
  );
  if (own.length > 1)
    throw nova(409, 'Multiple possible networks found, use a Network ID to be more specific.');
  return own.map(({ id }) => ({ networkId: id }));
}

function readLeg(world: World, kinds: Kinds, { uuid, port, fixed_ip }: Json, project: string): Leg {
  const { neutron } = world;
  if (port !== undefined) {
    const found = neutron.ports.get(port);
    if (!found || found.project_id !== project) throw nova(400, `Port id ${port} could not be found.`);
    if (found.device_id !== '') throw nova(409, `Port ${port} is still in use.`);
    return { portId: port };
  }
  const network = neutron.networks.get(uuid);
  if (!network || !isVisible(kinds.networks, network, project))
    throw nova(400, `Network ${uuid} could not be found.`);
  if (neutron.subnetsOf(network.id).length === 0)
    throw nova(400, `Network ${uuid} requires a subnet in order to boot instances on.`);
  if (fixed_ip !== undefined && neutron.taken(uuid).has(fixed_ip))
    throw nova(400, `Fixed IP address ${fixed_ip} is already in use on instance ${holder(world, fixed_ip)}.`);
  return { networkId: uuid, ...(fixed_ip === undefined ? {} : { fixedIp: fixed_ip }) };
}

function holder({ neutron }: World, address: string): string {
  const ports = [...neutron.ports.values()];
  return ports.find(({ fixed_ips }) => fixed_ips.some((one) => one.ip_address === address))?.device_id ?? '';
}

/** Ids of the groups that ports made for the server get; they are given by id or name. */
export function readGroups({ neutron }: World, wanted: Json, project: string): string[] | undefined {
  const named: Json[] | undefined = wanted.security_groups;
  if (named === undefined) return undefined;
  const own = [...neutron.groups.values()].filter(({ project_id }) => project_id === project);
  return named.map(({ name }) => {
    const byId = own.filter(({ id }) => id === name);
    const found = byId.length > 0 ? byId : own.filter((group) => group.name === name);
    if (found.length > 1)
      throw nova(
        409,
        `Multiple security_group matches found for name '${name}', use an ID to be more specific.`,
      );
    if (!found[0]) throw nova(400, `Unable to find security_group with name or id '${name}'`);
    return found[0].id;
  });
}
