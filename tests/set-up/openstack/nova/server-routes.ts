import { secretText } from '../ids.ts';
import type { Kinds } from '../neutron/kinds.ts';
import { pageOf } from '../page.ts';
import { nova } from '../reply.ts';
import type { Asked, Route } from '../routes.ts';
import type { World } from '../world.ts';
import { describeServer } from './describe-server.ts';
import type { Life } from './life.ts';
import type { Server } from './nova.ts';
import { checkServerQuota } from './quota.ts';
import { readGroups, readLegs } from './read-networks.ts';
import { readServer } from './read-server.ts';

const pattern = '/compute/v2.1/servers';

export function serverRoutes(world: World, kinds: Kinds, life: Life): Route[] {
  function list({ project, query, version }: Asked, path: string) {
    const found = world.nova.serversOf(project).filter((server) => isWanted(server, query, version));
    const newest = found.reverse();
    const { items, next } = pageOf(newest, query, {
      url: `${world.origin}${path}`,
      most: world.settings.mostPerPage,
    });
    return { items, links: next === null ? {} : { servers_links: [{ rel: 'next', href: next }] } };
  }

  return [
    {
      method: 'POST',
      pattern,
      handler(asked) {
        const server = readServer(world, asked);
        const legs = readLegs(world, kinds, asked.body.server, asked.project);
        const groups = readGroups(world, asked.body.server, asked.project);
        checkServerQuota(world, asked.project, server.flavor);
        life.begin(server, legs, groups);
        const href = `${world.origin}${pattern}/${server.id}`;
        const made = {
          id: server.id,
          links: [{ rel: 'self', href }],
          'OS-DCF:diskConfig': 'MANUAL',
          security_groups: asked.body.server.security_groups ?? [{ name: 'default' }],
          adminPass: secretText().slice(0, 12),
        };
        return { status: 202, headers: { location: href }, body: { server: made } };
      },
    },
    {
      method: 'GET',
      pattern,
      handler(asked) {
        const { items, links } = list(asked, pattern);
        return {
          status: 200,
          body: { servers: items.map(({ id, name }) => ({ id, name, links: [] })), ...links },
        };
      },
    },
    {
      method: 'GET',
      pattern: `${pattern}/detail`,
      handler(asked) {
        const { items, links } = list(asked, `${pattern}/detail`);
        const servers = items.map((server) => describeServer(world, server, asked.version));
        return { status: 200, body: { servers, ...links } };
      },
    },
    {
      method: 'GET',
      pattern: `${pattern}/:id`,
      handler: (asked) => ({
        status: 200,
        body: { server: describeServer(world, findServer(world, asked), asked.version) },
      }),
    },
    {
      method: 'DELETE',
      pattern: `${pattern}/:id`,
      handler(asked) {
        life.end(findServer(world, asked));
        return { status: 204 };
      },
    },
  ];
}

export function findServer(world: World, { params, project }: Asked): Server {
  const server = world.nova.servers.get(params.id ?? '');
  if (!server || server.project !== project) throw nova(404, `Instance ${params.id} could not be found.`);
  return server;
}

/** Filters that Nova does not know, or not yet, change nothing. */
function isWanted(server: Server, query: URLSearchParams, version: number): boolean {
  const [name, status, tags] = [query.get('name'), query.get('status'), query.get('tags')];
  return (
    (name === null || new RegExp(name).test(server.name)) &&
    (status === null || server.status === status.toUpperCase()) &&
    (tags === null || version < 26 || tags.split(',').every((tag) => server.tags.includes(tag)))
  );
}
