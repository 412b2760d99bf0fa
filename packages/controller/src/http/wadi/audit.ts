import { ApiError, type AuditVerdict } from '@wadi/api';
import type { FastifyRequest } from 'fastify';
import { type AuditRow, listAudit, verifyAudit } from '../../storage/audit.ts';
import type { Resource } from '../context.ts';
import { queryNumber, queryText } from './query-number.ts';
import { limitedTo } from './whole-installation.ts';

const whole = { whole: true };

/** Who reached what: an export in pages of JSON lines, and the check that nobody has changed it. */
export const audit: Resource = (app, { db }) => {
  app.get('/v2/audit', async (request, reply) => {
    const after = queryNumber(request, 'after', {
      ...whole,
      least: 0,
      most: Number.MAX_SAFE_INTEGER,
      otherwise: 0,
    });
    const limit = queryNumber(request, 'limit', { ...whole, least: 1, most: 1000, otherwise: 1000 });
    const rows = await listAudit(db, projectOf(request), { after, limit });
    return reply.type('application/x-ndjson').send(rows.map(lineOf).join(''));
  });

  app.get('/v2/audit/verify', async (request): Promise<AuditVerdict> => {
    return await verifyAudit(db, projectOf(request));
  });
};

function projectOf(request: FastifyRequest): string {
  const asked = queryText(request, 'project') ?? request.principal.projectId;
  const limit = limitedTo(request.principal);
  if (limit === null || limit === asked) return asked;
  throw new ApiError(404, 'NOT_FOUND', `There is no project '${asked}'`);
}

/** The record stands in the line byte for byte as it was hashed. */
function lineOf({ project_id, sequence, previous, hash, record }: AuditRow): string {
  const head = JSON.stringify({ project_id, sequence: Number(sequence), previous, hash });
  return `${head.slice(0, -1)},"record":${record}}\n`;
}
