import type { IncomingHttpHeaders } from 'node:http';
import { ApiError } from '@wadi/api';
import type { FastifyInstance } from 'fastify';
import { findToken, touchToken } from '../storage/api-tokens.ts';
import type { Database } from '../storage/database.ts';
import { wwwAuthenticate } from './errors.ts';
import { namesOtherProject } from './sahara-path.ts';

/** Every route that does not call itself public wants a token, also those that do not exist. */
export function requireToken(app: FastifyInstance, db: Database): void {
  app.decorateRequest('principal');
  app.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.config?.public) return;
    const principal = await authenticate(app, db, request.headers);
    if (!principal)
      throw new ApiError(401, 'UNAUTHORIZED', 'The request you have made requires authentication.', {
        hint: 'send the token of the data directory as X-Auth-Token',
      });
    request.principal = principal;
    if (namesOtherProject(request.raw, principal.projectId))
      return reply.code(401).header('WWW-Authenticate', wwwAuthenticate).send({
        message: 'This token belongs to another project than the one in the path.',
        code: '401 Unauthorized',
        title: 'Unauthorized',
      });
    if (principal.role === 'reader' && !['GET', 'HEAD', 'OPTIONS'].includes(request.method))
      throw new ApiError(403, 'FORBIDDEN', 'This token may only read', {
        hint: 'use a token with the role member or admin',
      });
  });
}

async function authenticate(app: FastifyInstance, db: Database, headers: IncomingHttpHeaders) {
  const token = givenToken(headers);
  const row = token ? await findToken(db, token) : undefined;
  if (!row) return null;
  touchToken(db, row).catch((error) => app.log.warn({ err: error }, 'could not note the use of a token'));
  return { projectId: row.project_id, tokenId: row.id, role: row.role };
}

function givenToken(headers: IncomingHttpHeaders): string | null {
  const given = headers['x-auth-token'];
  if (typeof given === 'string' && given !== '') return given;
  return /^Bearer ([\x21-\x7e]+)$/i.exec(headers.authorization ?? '')?.[1] ?? null;
}
