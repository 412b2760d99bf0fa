import { seconds } from '../ids.ts';
import { pageOf } from '../page.ts';
import { neutron } from '../reply.ts';
import type { Asked, Json, Route } from '../routes.ts';
import type { World } from '../world.ts';
import { checkQuota, findThing, isVisible, type Kind } from './kind.ts';
import { matches } from './matches.ts';
import type { Thing } from './neutron.ts';

/** What is the same for every kind. */
export function resourceRoutes<T extends Thing>(world: World, kind: Kind<T>): Route[] {
  const pattern = `/network/v2.0/${kind.path}`;
  const general = kind as unknown as Kind;

  function show(thing: T): Json {
    return { ...thing, ...kind.show(thing) };
  }

  function one(status: number, thing: T) {
    return {
      status,
      body: { [kind.one]: show(thing) },
    };
  }

  function fieldsOf(asked: Asked, allowed: readonly string[]): Json {
    const fields = asked.body?.[kind.one];
    if (typeof fields !== 'object' || fields === null)
      throw neutron(400, 'HTTPBadRequest', `Unable to find '${kind.one}' in request body`);
    const unknown = Object.keys(fields).filter((name) => !allowed.includes(name));
    if (unknown.length > 0)
      throw neutron(
        400,
        'HTTPBadRequest',
        unknown[0] === 'tags'
          ? `Attribute 'tags' not allowed in ${asked.method}`
          : `Unrecognized attribute(s) '${unknown.join(', ')}'`,
      );
    return { ...fields };
  }

  return [
    {
      method: 'POST',
      pattern,
      handler(asked) {
        const fields = fieldsOf(asked, kind.creatable);
        checkQuota(world, general, asked.project);
        const thing = kind.create(fields, asked.project);
        kind.things.set(thing.id, thing);
        return one(201, thing);
      },
    },
    {
      method: 'GET',
      pattern,
      handler({ project, query }) {
        const visible = [...kind.things.values()]
          .filter((thing) => isVisible(kind, thing, project))
          .map(show);
        const found = visible.filter((shown) => matches(shown, query));
        const { mostPerPage: most } = world.settings;
        const { items, next } = pageOf(found, query, { url: `${world.origin}${pattern}`, most });
        const links = next === null ? {} : { [`${kind.many}_links`]: [{ rel: 'next', href: next }] };
        return { status: 200, body: { [kind.many]: items, ...links } };
      },
    },
    { method: 'GET', pattern: `${pattern}/:id`, handler: (asked) => one(200, find(kind, asked)) },
    {
      method: 'PUT',
      pattern: `${pattern}/:id`,
      handler(asked) {
        const thing = own(kind, asked);
        kind.change(thing, fieldsOf(asked, kind.changeable));
        touch(thing);
        return one(200, thing);
      },
    },
    {
      method: 'DELETE',
      pattern: `${pattern}/:id`,
      handler(asked) {
        const thing = own(kind, asked);
        kind.remove(thing);
        kind.things.delete(thing.id);
        return { status: 204 };
      },
    },
  ];
}

export function find<T extends Thing>(kind: Kind<T>, { params, project }: Asked): T {
  return findThing(kind, params.id, project);
}

/** What is only shared with a project may not be changed by it. */
export function own<T extends Thing>(kind: Kind<T>, asked: Asked): T {
  const thing = find(kind, asked);
  if (thing.project_id !== asked.project)
    throw neutron(
      403,
      'PolicyNotAuthorized',
      `rule:${asked.method === 'DELETE' ? 'delete' : 'update'}_${kind.one} is disallowed by policy`,
    );
  return thing;
}

export function touch(thing: Thing): void {
  thing.revision_number += 1;
  thing.updated_at = seconds();
}
