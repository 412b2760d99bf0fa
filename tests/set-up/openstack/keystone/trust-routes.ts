import { hexId } from '../ids.ts';
import { keystone } from '../reply.ts';
import type { Asked, Route } from '../routes.ts';
import type { World } from '../world.ts';
import { describeTrust } from './describe.ts';
import { isAdmin, type Trust } from './identity.ts';
import { readEnd, readRoles } from './read-grant.ts';

const pattern = '/identity/v3/OS-TRUST/trusts';

export function trustRoutes(world: World): Route[] {
  const { trusts } = world.identity;

  function find({ params, token }: Asked, who: readonly ('trustor' | 'trustee')[]): Trust {
    const trust = trusts.get(params.id ?? '');
    if (!trust || (trust.expiresAt !== null && trust.expiresAt <= Date.now()))
      throw keystone(404, `Could not find trust: ${params.id}.`);
    if (!isAdmin(token) && !who.some((side) => trust[side].id === token.user.id))
      throw keystone(403, 'You are not authorized to perform the requested action.');
    return trust;
  }

  return [
    {
      method: 'POST',
      pattern,
      handler: (asked) => {
        const trust = create(world, asked);
        trusts.set(trust.id, trust);
        return { status: 201, body: { trust: describeTrust(world, trust) } };
      },
    },
    {
      method: 'GET',
      pattern,
      handler({ query, token }) {
        const [trustor, trustee] = [query.get('trustor_user_id'), query.get('trustee_user_id')];
        const own = [trustor, trustee].every((id) => id === null || id === token.user.id);
        if (!isAdmin(token) && (!own || (trustor === null && trustee === null)))
          throw keystone(
            403,
            'You are not authorized to perform the requested action: identity:list_trusts.',
          );
        const found = [...trusts.values()].filter(
          (trust) =>
            (trustor === null || trust.trustor.id === trustor) &&
            (trustee === null || trust.trustee.id === trustee),
        );
        const links = { self: `${world.origin}${pattern}`, next: null, previous: null };
        return { status: 200, body: { trusts: found.map((trust) => describeTrust(world, trust)), links } };
      },
    },
    {
      method: 'GET',
      pattern: `${pattern}/:id`,
      handler(asked) {
        return { status: 200, body: { trust: describeTrust(world, find(asked, ['trustor', 'trustee'])) } };
      },
    },
    {
      method: 'DELETE',
      pattern: `${pattern}/:id`,
      handler(asked) {
        trusts.delete(find(asked, ['trustor']).id);
        return { status: 204 };
      },
    },
  ];
}

function create({ identity }: World, { body, token }: Asked): Trust {
  const wanted = body?.trust ?? {};
  if (wanted.trustor_user_id !== token.user.id || token.credential?.unrestricted === false || token.trust)
    throw keystone(403, 'You are not authorized to perform the requested action: identity:create_trust.');
  const trustee = identity.users.find(({ id }) => id === wanted.trustee_user_id);
  if (!trustee) throw keystone(404, `Could not find user: ${wanted.trustee_user_id}.`);
  const project = identity.projects.find(({ id }) => id === wanted.project_id);
  const roles = readRoles(identity, wanted.roles);
  if (roles.length === 0)
    throw keystone(
      403,
      'You are not authorized to perform the requested action: At least one role should be specified.',
    );
  const held = token.user.roles.get(project?.id ?? '') ?? [];
  const missing = roles.find((role) => !held.includes(role));
  // Keystone looks only among those that whoever asks has.
  if (!project || missing !== undefined)
    throw keystone(404, `Could not find role: ${identity.role(missing ?? '').id}.`);
  if (typeof wanted.impersonation !== 'boolean')
    throw keystone(400, "'impersonation' is a required property");
  const { impersonation } = wanted;
  const expiresAt = readEnd(wanted.expires_at);
  return { id: hexId(), trustor: token.user, trustee, project, impersonation, roles, expiresAt };
}
