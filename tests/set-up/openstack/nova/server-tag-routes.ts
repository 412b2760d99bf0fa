import { nova } from '../reply.ts';
import type { Asked, Route } from '../routes.ts';
import type { World } from '../world.ts';
import type { Server } from './nova.ts';
import { findServer } from './server-routes.ts';

const pattern = '/compute/v2.1/servers/:id/tags';

export function serverTagRoutes(world: World): Route[] {
  function taggable(asked: Asked): Server {
    if (asked.version < 26) throw nova(404, 'The resource could not be found.');
    return findServer(world, asked);
  }

  return [
    {
      method: 'GET',
      pattern,
      handler: (asked) => ({ status: 200, body: { tags: taggable(asked).tags } }),
    },
    {
      method: 'PUT',
      pattern: `${pattern}/:tag`,
      handler(asked) {
        const server = taggable(asked);
        const { tag = '' } = asked.params;
        if (server.tags.includes(tag)) return { status: 204 };
        if (tag.length > 60 || server.tags.length >= 50)
          throw nova(400, `Tag ${tag} is too long, or one too many.`);
        server.tags.push(tag);
        return { status: 201 };
      },
    },
    {
      method: 'DELETE',
      pattern: `${pattern}/:tag`,
      handler(asked) {
        const server = taggable(asked);
        const { tag = '' } = asked.params;
        if (!server.tags.includes(tag)) throw nova(404, `Server ${server.id} has no tag '${tag}'`);
        server.tags = server.tags.filter((one) => one !== tag);
        return { status: 204 };
      },
    },
  ];
}
