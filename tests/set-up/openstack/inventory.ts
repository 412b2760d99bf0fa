import type { World } from './world.ts';

export type Inventory = Readonly<Record<string, readonly string[]>>;

/** All that a project has, by kind; a line for each thing, sorted, without what changes by itself. */
export function inventoryOf({ neutron, nova, glance, identity }: World, projectId: string): Inventory {
  const own = <T extends { readonly project_id: string }>(
    things: Map<string, T>,
    line: (thing: T) => string,
  ) =>
    [...things.values()]
      .filter(({ project_id }) => project_id === projectId)
      .map(line)
      .sort();
  const members = new Set(identity.users.filter(({ roles }) => roles.has(projectId)).map(({ id }) => id));
  const tagged = ({ tags }: { readonly tags: readonly string[] }) => ` [${[...tags].sort()}]`;
  return {
    servers: nova
      .serversOf(projectId)
      .map((server) => `${server.id} ${server.name}${tagged(server)}`)
      .sort(),
    server_groups: own(nova.groups, ({ id, name, policy }) => `${id} ${name} ${policy}`),
    keypairs: [...nova.keypairs.values()]
      .filter(({ user_id }) => members.has(user_id))
      .map(({ user_id, name, fingerprint }) => `${user_id} ${name} ${fingerprint}`)
      .sort(),
    networks: own(neutron.networks, (one) => `${one.id} ${one.name}${tagged(one)}`),
    subnets: own(neutron.subnets, (one) => `${one.id} ${one.name} ${one.cidr}${tagged(one)}`),
    routers: own(neutron.routers, (one) => `${one.id} ${one.name}${tagged(one)}`),
    ports: own(neutron.ports, (one) => {
      const addresses = one.fixed_ips.map(({ ip_address }) => ip_address);
      return `${one.id} ${one.name} ${addresses} of ${one.device_id || 'nothing'} in ${[...one.security_groups].sort()}${tagged(one)}`;
    }),
    floating_ips: own(
      neutron.floatingIps,
      (one) => `${one.id} ${one.floating_ip_address} to ${one.port_id ?? 'nothing'}${tagged(one)}`,
    ),
    security_groups: own(neutron.groups, (one) => `${one.id} ${one.name}${tagged(one)}`),
    security_group_rules: own(neutron.rules, (one) =>
      [
        one.id,
        one.security_group_id,
        one.direction,
        one.ethertype,
        one.protocol ?? 'any',
        `${one.port_range_min ?? ''}-${one.port_range_max ?? ''}`,
        one.remote_ip_prefix ?? one.remote_group_id ?? 'everywhere',
      ].join(' '),
    ),
    images: [...glance.images.values()]
      .filter(({ owner }) => owner === projectId)
      .map(({ id }) => id)
      .sort(),
    trusts: [...identity.trusts.values()]
      .filter(({ project }) => project.id === projectId)
      .map(({ id }) => id)
      .sort(),
  };
}
