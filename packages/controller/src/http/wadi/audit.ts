import { ApiError, AuditQuery, type AuditVerdict, AuditVerifyQuery } from '@wadi/api';
import type { FastifyRequest } from 'fastify';
import { type AuditRow, listAudit, verifyAudit } from '../../storage/audit.ts';
import type { Resource } from '../context.ts';
import { auditOperations } from './admin-operations.ts';
import { readQuery } from './read-query.ts';
import { limitedTo } from './whole-installation.ts';

/** Who reached what: an export in pages of JSON lines, and the check that nobody has changed it. */
export const audit: Resource = (app, { db }) => {
  app.get('/v2/audit', auditOperations.export, async (request, reply) => {
    const { after = 0, limit = 1000, project } = readQuery(AuditQuery, request);
    const rows = await listAudit(db, projectOf(request, project), { after, limit });
    return reply.type('application/x-ndjson').send(rows.map(lineOf).join(''));
  });

  app.get('/v2/audit/verify', auditOperations.verify, async (request): Promise<AuditVerdict> => {
    const { project } = readQuery(AuditVerifyQuery, request);
    return await verifyAudit(db, projectOf(request, project));
  });
};

function projectOf(request: FastifyRequest, asked = request.principal.projectId): string {
  const limit = limitedTo(request.principal);
  if (limit === null || limit === asked) return asked;
  throw new ApiError(404, 'NOT_FOUND', `There is no project '${asked}'`);
}

/** The record stands in the line byte for byte as it was hashed. */
function lineOf({ project_id, sequence, previous, hash, record }: AuditRow): string {
  const head = JSON.stringify({ project_id, sequence: Number(sequence), previous, hash });
  return `${head.slice(0, -1)},"record":${record}}\n`;
}
