import { keystone } from '../reply.ts';
import type { Route } from '../routes.ts';
import type { World } from '../world.ts';
import { describeProject, describeUser } from './describe.ts';
import { isAdmin } from './identity.ts';

export function directoryRoutes({ identity, origin }: World): Route[] {
  return [
    {
      method: 'GET',
      pattern: '/identity/v3/',
      open: true,
      handler: () => ({
        status: 200,
        body: {
          version: {
            id: 'v3.14',
            status: 'stable',
            links: [{ rel: 'self', href: `${origin}/identity/v3/` }],
          },
        },
      }),
    },
    {
      method: 'GET',
      pattern: '/identity/v3/auth/projects',
      handler({ token }) {
        const ids = token.credential ? [token.credential.project.id] : [...token.user.roles.keys()];
        const projects = identity.projects.filter(({ id }) => ids.includes(id)).map(describeProject);
        return { status: 200, body: { projects, links: { next: null } } };
      },
    },
    {
      method: 'GET',
      pattern: '/identity/v3/projects/:id',
      handler({ params, token }) {
        const project = identity.projects.find(({ id }) => id === params.id);
        if (!isAdmin(token) && (!project || !token.user.roles.has(project.id)))
          throw keystone(
            403,
            'You are not authorized to perform the requested action: identity:get_project.',
          );
        if (!project) throw keystone(404, `Could not find project: ${params.id}.`);
        return { status: 200, body: { project: describeProject(project) } };
      },
    },
    {
      method: 'GET',
      pattern: '/identity/v3/users/:id',
      handler({ params, token }) {
        const user = identity.users.find(({ id }) => id === params.id);
        if (!isAdmin(token) && params.id !== token.user.id)
          throw keystone(403, 'You are not authorized to perform the requested action: identity:get_user.');
        if (!user) throw keystone(404, `Could not find user: ${params.id}.`);
        return { status: 200, body: { user: describeUser(user) } };
      },
    },
  ];
}
