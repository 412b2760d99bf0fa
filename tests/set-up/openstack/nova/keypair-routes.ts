import { fingerprint } from '../ids.ts';
import { pageOf } from '../page.ts';
import { nova } from '../reply.ts';
import type { Asked, Route } from '../routes.ts';
import type { World } from '../world.ts';
import type { Keypair } from './nova.ts';

const pattern = '/compute/v2.1/os-keypairs';

/** They belong to users. */
export function keypairRoutes(world: World): Route[] {
  const { keypairs } = world.nova;

  function find({ params, token }: Asked): Keypair {
    const found = world.nova.keypair(token.user.id, params.name ?? '');
    if (!found) throw nova(404, `Keypair ${params.name} not found for user ${token.user.id}`);
    return found;
  }

  return [
    {
      method: 'POST',
      pattern,
      handler({ body, token, version }) {
        const { name, public_key } = body?.keypair ?? {};
        const user_id = token.user.id;
        if (typeof name !== 'string' || !/^[\w\-. @]{1,255}$/.test(name))
          throw nova(400, `Invalid input for field/attribute name. Value: ${name}.`);
        if (!/^(ssh|ecdsa|sk)-\S+ [A-Za-z\d+/]{20,}={0,2}(\s|$)/.test(public_key))
          throw nova(400, 'Keypair data is invalid: failed to generate fingerprint');
        if (world.nova.keypair(user_id, name)) throw nova(409, `Key pair '${name}' already exists.`);
        const used = [...keypairs.values()].filter((one) => one.user_id === user_id).length;
        const most = world.settings.computeQuota.key_pairs;
        if (most >= 0 && used >= most) throw nova(403, 'Quota exceeded, too many key pairs.');
        const keypair = { name, public_key, fingerprint: fingerprint(public_key), user_id };
        keypairs.set(`${user_id} ${name}`, keypair);
        return { status: version >= 2 ? 201 : 200, body: { keypair: typed(keypair, version) } };
      },
    },
    {
      method: 'GET',
      pattern,
      handler({ token, query, version }) {
        const own = [...keypairs.values()].filter(({ user_id }) => user_id === token.user.id);
        const sorted = own.map((one) => ({ ...one, id: one.name })).sort((a, b) => (a.id < b.id ? -1 : 1));
        const paged = version >= 35 ? query : new URLSearchParams();
        const { items, next } = pageOf(sorted, paged, {
          url: `${world.origin}${pattern}`,
          most: world.settings.mostPerPage,
        });
        const all = items.map(({ id: _id, user_id: _user, ...keypair }) => ({
          keypair: typed(keypair, version),
        }));
        return {
          status: 200,
          body: {
            keypairs: all,
            ...(next === null ? {} : { keypairs_links: [{ rel: 'next', href: next }] }),
          },
        };
      },
    },
    {
      method: 'GET',
      pattern: `${pattern}/:name`,
      handler: (asked) => ({ status: 200, body: { keypair: typed(find(asked), asked.version) } }),
    },
    {
      method: 'DELETE',
      pattern: `${pattern}/:name`,
      handler(asked) {
        const { user_id, name } = find(asked);
        keypairs.delete(`${user_id} ${name}`);
        return { status: asked.version >= 2 ? 204 : 202 };
      },
    },
  ];
}

function typed(keypair: object, version: number): object {
  return version >= 2 ? { ...keypair, type: 'ssh' } : keypair;
}
