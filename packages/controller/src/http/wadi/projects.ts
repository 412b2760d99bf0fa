import { ApiError, type Project, type ProjectList, ProjectRequest, ProjectUpdate } from '@wadi/api';
import { insertProject, listProjects, type ProjectRow, updateProject } from '../../storage/projects.ts';
import type { Resource } from '../context.ts';
import { checkBody } from './check-body.ts';
import { limitedTo } from './whole-installation.ts';

/** The tenants of this controller, and what each grants its members. */
export const projects: Resource = (app, { db }) => {
  app.get('/v2/projects', async (request): Promise<ProjectList> => {
    return { projects: (await listProjects(db, limitedTo(request.principal))).map(viewOf) };
  });

  app.post('/v2/projects', async (request, reply): Promise<{ project: Project }> => {
    const body = checkBody(ProjectRequest, request.body);
    if (limitedTo(request.principal) !== null)
      throw new ApiError(403, 'FORBIDDEN', 'Only an admin of the project default makes projects');
    const row = await insertProject(db, body.id, body.member_root ?? false);
    if (!row) throw new ApiError(409, 'CONFLICT', `There is a project '${body.id}' already`);
    reply.code(201);
    return { project: viewOf(row) };
  });

  app.patch<{ Params: { id: string } }>(
    '/v2/projects/:id',
    async (request): Promise<{ project: Project }> => {
      const { member_root: memberRoot } = checkBody(ProjectUpdate, request.body);
      const { id } = request.params;
      const limit = limitedTo(request.principal);
      const row = limit === null || limit === id ? await updateProject(db, id, memberRoot) : undefined;
      if (!row) throw new ApiError(404, 'NOT_FOUND', `There is no project '${id}'`);
      return { project: viewOf(row) };
    },
  );
};

function viewOf({ id, name, member_root, created_at }: ProjectRow): Project {
  return { id, name, member_root, created_at: created_at.toISOString() };
}
