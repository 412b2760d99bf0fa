import { uuid } from '../ids.ts';
import { nova } from '../reply.ts';
import type { Asked, Route } from '../routes.ts';
import type { World } from '../world.ts';
import type { ServerGroup } from './nova.ts';

const pattern = '/compute/v2.1/os-server-groups';
const strict = ['affinity', 'anti-affinity'];
const soft = ['soft-affinity', 'soft-anti-affinity'];

export function serverGroupRoutes(world: World): Route[] {
  const { groups } = world.nova;

  function describe(group: ServerGroup, version: number): object {
    const { id, name, policy, project_id, user_id } = group;
    const members = world.nova.members(group).map((server) => server.id);
    const policies = version >= 64 ? { policy, rules: {} } : { policies: [policy], metadata: {} };
    return { id, name, members, ...policies, ...(version >= 13 ? { project_id, user_id } : {}) };
  }

  function find({ params, project }: Asked): ServerGroup {
    const group = groups.get(params.id ?? '');
    if (!group || group.project_id !== project)
      throw nova(404, `Instance group ${params.id} could not be found.`);
    return group;
  }

  function ownGroups(project: string): ServerGroup[] {
    return [...groups.values()].filter(({ project_id }) => project_id === project);
  }

  return [
    {
      method: 'POST',
      pattern,
      handler({ body, token, project, version }) {
        const { name, policies, policy = policies?.[0] } = body?.server_group ?? {};
        if (!name || ![...strict, ...(version >= 15 ? soft : [])].includes(policy))
          throw nova(400, `Invalid input for field/attribute policies. Value: ${policy}.`);
        const most = world.settings.computeQuota.server_groups;
        if (most >= 0 && ownGroups(project).length >= most)
          throw nova(403, 'Quota exceeded, too many server groups.');
        const group = { id: uuid(), name, policy, project_id: project, user_id: token.user.id };
        groups.set(group.id, group);
        return { status: 200, body: { server_group: describe(group, version) } };
      },
    },
    {
      method: 'GET',
      pattern,
      handler({ project, version, query }) {
        const from = Number(query.get('offset') ?? 0);
        const limit = Number(query.get('limit') ?? world.settings.mostPerPage);
        const page = ownGroups(project).slice(from, from + limit);
        return { status: 200, body: { server_groups: page.map((group) => describe(group, version)) } };
      },
    },
    {
      method: 'GET',
      pattern: `${pattern}/:id`,
      handler: (asked) => ({ status: 200, body: { server_group: describe(find(asked), asked.version) } }),
    },
    {
      method: 'DELETE',
      pattern: `${pattern}/:id`,
      handler(asked) {
        groups.delete(find(asked).id);
        return { status: 204 };
      },
    },
  ];
}
