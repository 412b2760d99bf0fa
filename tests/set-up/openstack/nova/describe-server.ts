import { createHash } from 'node:crypto';
import { seconds } from '../ids.ts';
import type { Json } from '../routes.ts';
import type { World } from '../world.ts';
import type { Server, Status } from './nova.ts';

const states: Readonly<Record<Status, readonly [string, number]>> = {
  BUILD: ['building', 0],
  ACTIVE: ['active', 1],
  SHUTOFF: ['stopped', 4],
  ERROR: ['error', 0],
};

/** As Nova shows it with a microversion `2.{version}`. */
export function describeServer(world: World, server: Server, version: number): object {
  const { id, name, project, user, imageId, flavor, keypair, zone, status, task, host } = server;
  const [vmState, power] = states[status];
  const isBuilt = status !== 'BUILD' && host !== null;
  const link = (what: string, of: string) => ({
    rel: 'bookmark',
    href: `${world.origin}/compute/${what}/${of}`,
  });
  return {
    id,
    name,
    status,
    tenant_id: project,
    user_id: user.id,
    metadata: server.metadata,
    hostId: host === null ? '' : createHash('sha224').update(`${project}${host}`).digest('hex'),
    image: imageId === null ? '' : { id: imageId, links: [link('images', imageId)] },
    flavor:
      version < 47
        ? { id: flavor.id, links: [link('flavors', flavor.id)] }
        : {
            vcpus: flavor.vcpus,
            ram: flavor.ram,
            disk: flavor.disk,
            ephemeral: 0,
            swap: 0,
            original_name: flavor.name,
          },
    created: seconds(server.created),
    updated: seconds(server.updated),
    addresses: isBuilt ? addresses(world, server) : {},
    accessIPv4: '',
    accessIPv6: '',
    links: [{ rel: 'self', href: `${world.origin}/compute/v2.1/servers/${id}` }, link('servers', id)],
    'OS-DCF:diskConfig': 'MANUAL',
    ...(status === 'ERROR' ? {} : { progress: 0 }),
    'OS-EXT-AZ:availability_zone': isBuilt ? zone : '',
    config_drive: server.configDrive ? 'True' : '',
    key_name: keypair?.name ?? null,
    'OS-SRV-USG:launched_at':
      server.launched === null ? null : new Date(server.launched).toISOString().replace('Z', '000'),
    'OS-SRV-USG:terminated_at': null,
    ...securityGroups(world, server),
    'OS-EXT-STS:task_state': task,
    'OS-EXT-STS:vm_state': vmState,
    'OS-EXT-STS:power_state': power,
    'os-extended-volumes:volumes_attached': [],
    ...(server.fault ? { fault: server.fault } : {}),
    ...(version >= 9 ? { locked: false } : {}),
    ...(version >= 19 ? { description: name } : {}),
    ...(version >= 26 ? { tags: server.tags } : {}),
  };
}

function addresses({ neutron }: World, server: Server): Json {
  const all: Record<string, object[]> = {};
  for (const port of neutron.portsOf(server.id)) {
    const network = neutron.networks.get(port.network_id)?.name ?? '';
    all[network] ??= [];
    const common = { version: 4, 'OS-EXT-IPS-MAC:mac_addr': port.mac_address };
    for (const { ip_address } of port.fixed_ips)
      all[network].push({ ...common, addr: ip_address, 'OS-EXT-IPS:type': 'fixed' });
    const floating = neutron.floatingIpOf(port.id);
    if (floating)
      all[network].push({ ...common, addr: floating.floating_ip_address, 'OS-EXT-IPS:type': 'floating' });
  }
  return all;
}

/** There from when it has a port on. */
function securityGroups({ neutron }: World, server: Server): object {
  const ids = new Set(neutron.portsOf(server.id).flatMap((port) => port.security_groups));
  const names = [...ids].map((id) => ({ name: neutron.groups.get(id)?.name ?? id }));
  return names.length > 0 ? { security_groups: names } : {};
}
