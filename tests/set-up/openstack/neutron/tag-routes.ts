import { neutron } from '../reply.ts';
import type { Route } from '../routes.ts';
import type { Kind } from './kind.ts';
import type { Thing } from './neutron.ts';
import { find, own, touch } from './resource-routes.ts';

/** Tags are set after a thing was made; that it has them already changes nothing. */
export function tagRoutes<T extends Thing>(kind: Kind<T>): Route[] {
  const pattern = `/network/v2.0/${kind.path}/:id/tags`;
  return [
    {
      method: 'GET',
      pattern,
      handler: (asked) => ({ status: 200, body: { tags: find(kind, asked).tags } }),
    },
    {
      method: 'PUT',
      pattern,
      handler(asked) {
        const thing = own(kind, asked);
        const tags: unknown = asked.body?.tags;
        if (!Array.isArray(tags)) throw neutron(400, 'HTTPBadRequest', 'Invalid tags body');
        thing.tags = [...new Set(tags.map(checkTag))];
        touch(thing);
        return { status: 200, body: { tags: thing.tags } };
      },
    },
    {
      method: 'PUT',
      pattern: `${pattern}/:tag`,
      handler(asked) {
        const thing = own(kind, asked);
        thing.tags = [...new Set([...thing.tags, checkTag(asked.params.tag)])];
        touch(thing);
        return { status: 201 };
      },
    },
    {
      method: 'DELETE',
      pattern: `${pattern}/:tag`,
      handler(asked) {
        const thing = own(kind, asked);
        const { tag = '' } = asked.params;
        if (!thing.tags.includes(tag)) throw neutron(404, 'TagNotFound', `Tag ${tag} could not be found.`);
        thing.tags = thing.tags.filter((one) => one !== tag);
        touch(thing);
        return { status: 204 };
      },
    },
  ];
}

/** At most 255 characters, since Zed. */
function checkTag(tag: unknown): string {
  if (typeof tag !== 'string' || tag.length === 0 || tag.length > 255)
    throw neutron(400, 'HTTPBadRequest', `Invalid input for operation: '${tag}' is no valid tag.`);
  return tag;
}
