import { keystone } from '../reply.ts';
import type { Asked, Route } from '../routes.ts';
import type { World } from '../world.ts';
import { describeToken } from './describe.ts';
import { isAdmin, type Token } from './identity.ts';
import { logIn } from './log-in.ts';

export function tokenRoutes(world: World): Route[] {
  const pattern = '/identity/v3/auth/tokens';

  /** Whom the header `X-Subject-Token` names. */
  function subject({ headers, token }: Asked): Token {
    const id = String(headers['x-subject-token'] ?? '');
    const found = world.identity.token(id);
    if (!found) throw keystone(404, 'Could not recognize Fernet token');
    if (!world.identity.stands(found)) throw keystone(404, 'Could not find what the token was got by.');
    if (found !== token && !isAdmin(token) && !token.roles.includes('service'))
      throw keystone(403, 'You are not authorized to perform the requested action: identity:validate_token.');
    return found;
  }

  return [
    {
      method: 'POST',
      pattern,
      open: true,
      handler({ body, query }) {
        const token = logIn(world, body?.auth);
        const described = describeToken(world, token, !query.has('nocatalog'));
        return { status: 201, headers: { 'x-subject-token': token.id }, body: { token: described } };
      },
    },
    {
      method: 'GET',
      pattern,
      handler(asked) {
        const token = subject(asked);
        const described = describeToken(world, token, !asked.query.has('nocatalog'));
        return { status: 200, headers: { 'x-subject-token': token.id }, body: { token: described } };
      },
    },
    {
      method: 'DELETE',
      pattern,
      handler(asked) {
        world.identity.tokens.delete(subject(asked).id);
        return { status: 204 };
      },
    },
  ];
}
