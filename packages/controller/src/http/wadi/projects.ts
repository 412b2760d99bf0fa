import {
  ApiError,
  type Project,
  type ProjectAnswer,
  type ProjectList,
  ProjectRequest,
  ProjectUpdate,
} from '@wadi/api';
import type { FastifyRequest } from 'fastify';
import { type AuditRecord, appendAudit } from '../../storage/audit.ts';
import { insertProject, listProjects, type ProjectRow, updateProject } from '../../storage/projects.ts';
import type { Resource } from '../context.ts';
import { requireRight } from '../route-rights.ts';
import { projectOperations } from './admin-operations.ts';
import { askedBy } from './asked-by.ts';
import { bodyOf } from './check-body.ts';
import { limitedTo, requireWholeInstallation } from './whole-installation.ts';

/** The tenants of this controller, and what each grants its members. */
export const projects: Resource = (app, { db }) => {
  app.get('/v2/projects', projectOperations.list, async (request): Promise<ProjectList> => {
    return { projects: (await listProjects(db, limitedTo(request.principal))).map(viewOf) };
  });

  app.post('/v2/projects', projectOperations.create, async (request, reply): Promise<ProjectAnswer> => {
    const body = bodyOf(ProjectRequest, request);
    requireWholeInstallation(request.principal, 'make projects');
    if (body.member_root) requireRight(request, 'root');
    const row = await db.transaction().execute(async (tx) => {
      const made = await insertProject(tx, body.id, body.member_root ?? false);
      if (made) await appendAudit(tx, [recordOf(request, 'project.create', made)]);
      return made;
    });
    if (!row) throw new ApiError(409, 'CONFLICT', `There is a project '${body.id}' already`);
    reply.code(201);
    return { project: viewOf(row) };
  });

  app.patch<{ Params: { id: string } }>(
    '/v2/projects/:id',
    projectOperations.update,
    async (request): Promise<ProjectAnswer> => {
      const { member_root: memberRoot } = bodyOf(ProjectUpdate, request);
      // Nobody grants what they do not have.
      if (memberRoot) requireRight(request, 'root');
      const { id } = request.params;
      const limit = limitedTo(request.principal);
      const row = await db.transaction().execute(async (tx) => {
        const changed = limit === null || limit === id ? await updateProject(tx, id, memberRoot) : undefined;
        if (!changed) throw new ApiError(404, 'NOT_FOUND', `There is no project '${id}'`);
        await appendAudit(tx, [recordOf(request, 'project.update', changed)]);
        return changed;
      });
      return { project: viewOf(row) };
    },
  );
};

function recordOf(request: FastifyRequest, action: string, row: ProjectRow): AuditRecord {
  const { id, member_root } = row;
  return {
    projectId: id,
    about: { access: 'admin', action, ...askedBy(request), project: { id, member_root } },
  };
}

function viewOf({ id, name, member_root, created_at }: ProjectRow): Project {
  return { id, name, member_root, created_at: created_at.toISOString() };
}
