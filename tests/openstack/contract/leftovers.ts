import type { OpenStack } from '@wadi/openstack';
import { Type } from 'typebox';

const Made = Type.Object({ id: Type.String(), name: Type.Optional(Type.String()) });
const Group = Type.Object({ id: Type.String(), project_id: Type.String() });
const Pair = Type.Object({ keypair: Type.Object({ name: Type.String() }) });

/**
 * What there is of a project and a user in Nova, Neutron and Glance, in words. The security group that Neutron makes by itself is
 * deleted.
 */
export async function leftovers(
  administrator: OpenStack,
  projectId: string,
  userId: string,
): Promise<readonly string[]> {
  const [compute, network, image] = [
    administrator.service('compute'),
    administrator.service('network'),
    administrator.service('image'),
  ];
  const left: string[] = [];
  const servers = { path: ['servers'], query: { all_tenants: true, project_id: projectId } };
  for (const { id } of await compute.list('servers', Made, servers)) left.push(`server ${id}`);
  const groups = await compute.list('server_groups', Group, {
    path: ['os-server-groups'],
    query: { all_projects: true },
    microversion: { needed: '2.13', use: 'projects of server groups' },
  });
  for (const { id, project_id } of groups) if (project_id === projectId) left.push(`server group ${id}`);
  const pairs =
    userId === ''
      ? []
      : await compute.list('keypairs', Pair, {
          path: ['os-keypairs'],
          query: { user_id: userId },
          microversion: { needed: '2.10', use: 'key pairs of other users' },
        });
  for (const { keypair } of pairs) left.push(`key pair ${keypair.name}`);
  const images = { path: ['images'], query: { owner: projectId } };
  for (const { id } of await image.list('images', Made, images)) left.push(`image ${id}`);

  for (const kind of ['floatingips', 'routers', 'ports', 'networks', 'security-groups']) {
    const all = { path: [kind], query: { project_id: projectId } };
    for (const { id, name } of await network.list(kind.replace('-', '_'), Made, all))
      if (name === 'default' && kind === 'security-groups') await network.remove([kind, id]);
      else left.push(`${kind} ${id}`);
  }
  return left;
}
