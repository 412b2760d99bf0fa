import { ApiError } from '@wadi/api';
import type { FastifyInstance } from 'fastify';
import type { Authenticator } from '../auth/principal.ts';
import { endForbiddenRequests } from './open-requests.ts';
import { checkRouteRight, mayUseRoute, type RouteRights } from './route-rights.ts';
import { namesOtherProject } from './sahara-path.ts';

/** Every route that does not call itself public wants a token, also those that do not exist. */
export function requireToken(app: FastifyInstance, authenticator: Authenticator, table: RouteRights): void {
  app.decorateRequest('principal');
  const watch = endForbiddenRequests(
    app,
    authenticator,
    (request, principal) =>
      principal.projectId === request.principal.projectId && mayUseRoute(table, request, principal),
  );
  app.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.config?.public) return;
    const principal = await authenticator.authenticate(request.headers);
    if (!principal) {
      reply.header('WWW-Authenticate', authenticator.challenge);
      throw notAuthenticated();
    }
    request.principal = principal;
    if (namesOtherProject(request.raw, principal.projectId)) {
      reply.header('WWW-Authenticate', authenticator.challenge);
      throw otherProject();
    }
    checkRouteRight(table, request);
    watch(request, reply);
  });
}

/**
 * Keystone's middleware refuses before Sahara does, in a shape of its own. The real client reads none but Sahara's, and
 * would print `None`: both are in the answer.
 */
function notAuthenticated(): ApiError {
  const message = 'The request you have made requires authentication.';
  return new ApiError(401, 'UNAUTHORIZED', message, {
    hint: 'send a token as X-Auth-Token',
    details: { error: { code: 401, title: 'Unauthorized', message } },
  });
}

/** The shape of the framework below Sahara, word by word, and Sahara's. */
function otherProject(): ApiError {
  const message =
    'This server could not verify that you are authorized to access the document you requested. Either you supplied the ' +
    'wrong credentials (e.g., bad password), or your browser does not understand how to supply the credentials required.' +
    '<br /><br />\nToken tenant != requested tenant\n\n';
  return new ApiError(401, 'UNAUTHORIZED', 'The path names another project than the one of the token', {
    details: { message, code: '401 Unauthorized', title: 'Unauthorized' },
  });
}
