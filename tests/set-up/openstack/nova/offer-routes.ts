import { nova } from '../reply.ts';
import type { Route } from '../routes.ts';
import type { World } from '../world.ts';
import type { Flavor } from './nova.ts';
import { usage } from './quota.ts';

const base = '/compute/v2.1';

export function offerRoutes(world: World): Route[] {
  return [
    {
      method: 'GET',
      pattern: `${base}/`,
      open: true,
      handler() {
        const { lowest, highest } = world.settings.microversions;
        const links = [{ rel: 'self', href: `${world.origin}${base}/` }];
        const versions = { version: `2.${highest}`, min_version: `2.${lowest}` };
        return { status: 200, body: { version: { id: 'v2.1', status: 'CURRENT', ...versions, links } } };
      },
    },
    {
      method: 'GET',
      pattern: `${base}/flavors/detail`,
      handler: () => ({ status: 200, body: { flavors: world.nova.flavors.map(describe) } }),
    },
    {
      method: 'GET',
      pattern: `${base}/flavors/:id`,
      handler({ params }) {
        const flavor = world.nova.flavors.find(({ id }) => id === params.id);
        if (!flavor) throw nova(404, `Flavor ${params.id} could not be found.`);
        return { status: 200, body: { flavor: describe(flavor) } };
      },
    },
    {
      method: 'GET',
      pattern: `${base}/limits`,
      handler({ project }) {
        const used = usage(world, project);
        const { instances, cores, ram, key_pairs, server_groups, server_group_members } =
          world.settings.computeQuota;
        const groups = [...world.nova.groups.values()].filter(({ project_id }) => project_id === project);
        const absolute = {
          maxTotalInstances: instances,
          totalInstancesUsed: used.instances,
          maxTotalCores: cores,
          totalCoresUsed: used.cores,
          maxTotalRAMSize: ram,
          totalRAMUsed: used.ram,
          maxTotalKeypairs: key_pairs,
          maxServerGroups: server_groups,
          totalServerGroupsUsed: groups.length,
          maxServerGroupMembers: server_group_members,
          maxServerMeta: 128,
        };
        return { status: 200, body: { limits: { rate: [], absolute } } };
      },
    },
    {
      method: 'GET',
      pattern: `${base}/os-availability-zone`,
      handler() {
        const zones = world.settings.zones.map((zoneName) => ({
          zoneName,
          zoneState: { available: true },
          hosts: null,
        }));
        return { status: 200, body: { availabilityZoneInfo: zones } };
      },
    },
  ];
}

function describe({ id, name, vcpus, ram, disk }: Flavor): object {
  const fixed = { swap: '', rxtx_factor: 1, links: [], 'os-flavor-access:is_public': true };
  return {
    id,
    name,
    vcpus,
    ram,
    disk,
    'OS-FLV-EXT-DATA:ephemeral': 0,
    'OS-FLV-DISABLED:disabled': false,
    ...fixed,
  };
}
