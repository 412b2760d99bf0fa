import { randomBytes, randomUUID } from 'node:crypto';
import {
  ApiError,
  isUuid,
  type NewToken,
  type Token,
  type TokenAnswer,
  type TokenList,
  TokenRequest,
  tokenLimits,
} from '@wadi/api';
import type { FastifyRequest } from 'fastify';
import { rightsOf, rightsOfRole } from '../../auth/rights.ts';
import { hashToken, insertToken, listTokens, revokeToken, type TokenRow } from '../../storage/api-tokens.ts';
import { type AuditRecord, appendAudit } from '../../storage/audit.ts';
import { findProject } from '../../storage/projects.ts';
import type { Resource } from '../context.ts';
import { requireRight } from '../route-rights.ts';
import { tokenOperations } from './admin-operations.ts';
import { askedBy } from './asked-by.ts';
import { bodyOf } from './check-body.ts';
import { limitedTo } from './whole-installation.ts';

const day = 24 * 3600 * 1000;

/** Tokens of a project. The secret is shown in the one answer that makes it, and stored nowhere. */
export const tokens: Resource = (app, { db }) => {
  app.get('/v2/tokens', tokenOperations.list, async (request): Promise<TokenList> => {
    return { tokens: (await listTokens(db, limitedTo(request.principal))).map(viewOf) };
  });

  app.post('/v2/tokens', tokenOperations.create, async (request, reply): Promise<NewToken> => {
    const body = bodyOf(TokenRequest, request);
    const limit = limitedTo(request.principal);
    const project = body.project ?? request.principal.projectId;
    const found = limit === null || limit === project ? await findProject(db, project) : undefined;
    if (!found) throw new ApiError(404, 'NOT_FOUND', `There is no project '${project}'`);
    checkRights(body);
    const given = rightsOf({
      role: body.role,
      memberRoot: found.member_root,
      restrictedTo: body.rights ?? null,
    });
    // Who may make tokens could otherwise make one that may do everything.
    for (const right of new Set([...given, ...(body.rights ?? [])])) requireRight(request, right);
    const secret = `wadi_${randomBytes(32).toString('base64url')}`;
    const row = await db.transaction().execute(async (tx) => {
      const made = await insertToken(tx, {
        id: randomUUID(),
        project_id: project,
        name: body.name,
        role: body.role,
        rights: body.rights ?? null,
        hash: hashToken(secret),
        expires_at: new Date(Date.now() + (body.expires_in_days ?? tokenLimits.defaultDays) * day),
      });
      await appendAudit(tx, [recordOf(request, 'token.create', made)]);
      return made;
    });
    reply.code(201).header('Cache-Control', 'no-store');
    return { token: viewOf(row), secret };
  });

  app.post<{ Params: { id: string } }>(
    '/v2/tokens/:id/revoke',
    tokenOperations.revoke,
    async (request): Promise<TokenAnswer> => {
      const { id } = request.params;
      const row = await db.transaction().execute(async (tx) => {
        const ended = isUuid(id) ? await revokeToken(tx, id, limitedTo(request.principal)) : undefined;
        if (!ended) throw noToken(id);
        await appendAudit(tx, [recordOf(request, 'token.revoke', ended)]);
        return ended;
      });
      return { token: viewOf(row) };
    },
  );
};

/** What is no id may be the token itself, which belongs neither into the answer nor into the log. */
function noToken(id: string): ApiError {
  const text = isUuid(id) ? `There is no token with the id '${id}'` : 'There is no token with this id';
  return new ApiError(404, 'NOT_FOUND', text, { hint: 'name it by its id, as the list of tokens has it' });
}

/** In the log of the project that the token is for. */
function recordOf(request: FastifyRequest, action: string, row: TokenRow): AuditRecord {
  const { id, name, role } = row;
  const about = { access: 'admin', action, ...askedBy(request), token: { id, name, role } };
  return { projectId: row.project_id, about };
}

function checkRights({ role, rights = [] }: TokenRequest): void {
  const possible = role === 'member' ? [...rightsOfRole.member, 'root'] : rightsOfRole[role];
  const missing = rights.filter((right) => !possible.includes(right));
  if (missing.length === 0) return;
  throw new ApiError(400, 'VALIDATION_ERROR', `rights: the role ${role} does not have ${missing.join(', ')}`);
}

function viewOf(row: TokenRow): Token {
  const { id, name, project_id, role, rights: restrictedTo, member_root: memberRoot } = row;
  return {
    id,
    name,
    project_id,
    role,
    rights: [...rightsOf({ role, memberRoot, restrictedTo })],
    created_at: row.created_at.toISOString(),
    expires_at: row.expires_at?.toISOString() ?? null,
    last_used_at: row.last_used_at?.toISOString() ?? null,
    revoked_at: row.revoked_at?.toISOString() ?? null,
  };
}
