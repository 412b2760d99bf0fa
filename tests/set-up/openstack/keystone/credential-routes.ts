import { plantSecret } from '../../run-folder.ts';
import { hexId, secretText } from '../ids.ts';
import { keystone } from '../reply.ts';
import type { Asked, Route } from '../routes.ts';
import type { World } from '../world.ts';
import { describeCredential } from './describe.ts';
import { type Credential, isAdmin } from './identity.ts';
import { readEnd, readRoles } from './read-grant.ts';

const pattern = '/identity/v3/users/:user/application_credentials';

export function credentialRoutes(world: World): Route[] {
  const { identity } = world;

  function own({ params, token }: Asked): Credential[] {
    if (params.user !== token.user.id && !isAdmin(token))
      throw keystone(403, 'You are not authorized to perform the requested action.');
    return [...identity.credentials.values()].filter(({ user }) => user.id === params.user);
  }

  function find(asked: Asked): Credential {
    const found = own(asked).find(({ id }) => id === asked.params.id);
    if (!found) throw keystone(404, `Could not find Application Credential: ${asked.params.id}.`);
    return found;
  }

  function mayChange({ params, token }: Asked): void {
    if (params.user !== token.user.id || token.credential?.unrestricted === false || token.trust)
      throw keystone(403, 'You are not authorized to perform the requested action.');
  }

  function create(asked: Asked): Credential {
    mayChange(asked);
    const { body, token } = asked;
    const { name, description = null, unrestricted = false, ...wanted } = body?.application_credential ?? {};
    const { user, project } = token;
    if (!name || !project) throw keystone(400, "'name' is a required property");
    if (own(asked).some((one) => one.name === name))
      throw keystone(
        409,
        `Conflict occurred attempting to store application_credential - Duplicate entry found with name ${name}.`,
      );
    const roles = wanted.roles ? readRoles(identity, wanted.roles) : token.roles;
    if (!roles.every((role) => token.roles.includes(role)))
      throw keystone(
        400,
        'Invalid application credential: Cannot create an application credential with unassigned role',
      );
    const [secret, expiresAt] = [wanted.secret ?? secretText(), readEnd(wanted.expires_at)];
    plantSecret('secret of an application credential of the OpenStack stand-in', secret);
    return { id: hexId(), name, user, project, roles, secret, description, unrestricted, expiresAt };
  }

  return [
    {
      method: 'POST',
      pattern,
      handler(asked) {
        const made = create(asked);
        identity.credentials.set(made.id, made);
        const described = { ...describeCredential(world, made), secret: made.secret };
        return { status: 201, body: { application_credential: described } };
      },
    },
    {
      method: 'GET',
      pattern,
      handler(asked) {
        const name = asked.query.get('name');
        const found = own(asked).filter((one) => name === null || one.name === name);
        const all = found.map((one) => describeCredential(world, one));
        return { status: 200, body: { application_credentials: all, links: { next: null } } };
      },
    },
    {
      method: 'GET',
      pattern: `${pattern}/:id`,
      handler: (asked) => ({
        status: 200,
        body: { application_credential: describeCredential(world, find(asked)) },
      }),
    },
    {
      method: 'DELETE',
      pattern: `${pattern}/:id`,
      handler(asked) {
        mayChange(asked);
        identity.credentials.delete(find(asked).id);
        return { status: 204 };
      },
    },
  ];
}
