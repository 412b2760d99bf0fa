import { ApiError, type Right } from '@wadi/api';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Principal } from '../auth/principal.ts';

/**
 * Which right each route wants: `METHOD path`, without the version and with parameters as `:`. Every route has an entry
 * here or calls itself public; a controller with another one does not start.
 */
export type RouteRights = Readonly<Record<string, Right>>;

const templates = (kind: string): RouteRights => ({
  [`GET /${kind}`]: 'view',
  [`POST /${kind}`]: 'run',
  [`GET /${kind}/:`]: 'view',
  [`PUT /${kind}/:`]: 'run',
  [`PATCH /${kind}/:`]: 'run',
  [`DELETE /${kind}/:`]: 'run',
  [`GET /${kind}/:/export`]: 'view',
});

export const routeRights: RouteRights = {
  'GET /healthcheck': 'view',
  'GET /flavors': 'view',
  'GET /flavors/:': 'view',
  'GET /plugins': 'view',
  'GET /plugins/:': 'view',
  'GET /plugins/:/:': 'view',
  'PATCH /plugins/:': 'admin',
  'POST /plugins/:/:/convert-config/:': 'run',

  'GET /images': 'view',
  'GET /images/:': 'view',
  'POST /images/:': 'run',
  'PATCH /images/:': 'run',
  'DELETE /images/:': 'run',
  'GET /images/:/tags': 'view',
  'PUT /images/:/tags': 'run',
  'DELETE /images/:/tags': 'run',
  'PUT /images/:/tag': 'run',
  'POST /images/:/tag': 'run',
  'POST /images/:/untag': 'run',

  ...templates('node-group-templates'),
  ...templates('cluster-templates'),

  'GET /clusters': 'view',
  'POST /clusters': 'run',
  'POST /clusters/multiple': 'run',
  'POST /clusters/import': 'run',
  'GET /clusters/:': 'view',
  'PUT /clusters/:': 'run',
  'PATCH /clusters/:': 'run',
  'DELETE /clusters/:': 'run',

  'GET /clusters/:/access': 'view',
  'PUT /clusters/:/access': 'run',
  'GET /clusters/:/machines': 'view',
  'POST /clusters/:/machines': 'run',
  'DELETE /clusters/:/machines/:': 'run',
  'GET /clusters/:/instances': 'view',
  'POST /clusters/:/instances/:/agent': 'run',
  'GET /clusters/:/proxies': 'view',
  'POST /clusters/:/proxies/:/drain': 'run',
  'POST /clusters/:/proxies/:/readmit': 'run',
  'POST /clusters/:/proxies/:/promote': 'run',
  'GET /clusters/:/key-rotations': 'view',
  'GET /clusters/:/key-rotations/:': 'view',
  'POST /clusters/:/key-rotations': 'admin',
  'GET /clusters/:/events': 'view',
  'GET /clusters/:/explain': 'view',
  // It logs in.
  'POST /clusters/:/explain': 'run',
  'GET /clusters/:/instances/:/explain': 'view',
  'POST /clusters/:/instances/:/explain': 'run',
  'GET /clusters/:/runs': 'view',
  'POST /clusters/:/runs': 'run',
  'GET /clusters/:/runs/:': 'view',
  'GET /clusters/:/runs/:/output': 'run',
  'POST /clusters/:/runs/:/cancel': 'run',
  'POST /clusters/:/uploads': 'shell',
  'GET /clusters/:/uploads/:': 'shell',
  'PATCH /clusters/:/uploads/:': 'shell',
  'DELETE /clusters/:/uploads/:': 'shell',
  'GET /clusters/:/instances/:/file': 'shell',
  'GET /clusters/:/instances/:/file/digest': 'shell',
  'GET /clusters/:/instances/:/shell': 'shell',
  'GET /clusters/:/instances/:/ports/:': 'tunnel',
  'ANY /clusters/:/instances/:/http/:': 'tunnel',
  'ANY /clusters/:/instances/:/http/:/*': 'tunnel',

  'GET /sandbox/machines': 'view',
  'POST /sandbox/machines/:/stop': 'run',
  'POST /sandbox/machines/:/start': 'run',

  'GET /tokens': 'admin',
  'POST /tokens': 'admin',
  'POST /tokens/:/revoke': 'admin',
  'GET /projects': 'admin',
  'POST /projects': 'admin',
  'PATCH /projects/:': 'admin',
  'GET /audit': 'admin',
  'GET /audit/verify': 'admin',
  'GET /keys': 'admin',
  'POST /keys/rotate': 'admin',
  'GET /adoptions': 'admin',
  'GET /adoptions/:': 'admin',
  'POST /adoptions': 'admin',
  'GET /doctor': 'admin',
  'POST /doctor/remove': 'admin',
};

export interface GuardedRoute {
  readonly method: string;
  readonly url: string;
  readonly right: Right;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Every route that wants a token, with the right it wants. */
    guardedRoutes: GuardedRoute[];
  }
}

/** Notes the right of every route as it is added, and refuses one without. Call before any is added. */
export function requireRouteRights(app: FastifyInstance, table: RouteRights): void {
  const routes: GuardedRoute[] = [];
  app.decorate('guardedRoutes', routes);
  app.addHook('onRoute', ({ method: methods, url, config }) => {
    if ((config as { public?: boolean } | undefined)?.public) return;
    for (const method of [methods].flat()) {
      const right = rightFor(table, method, url);
      if (!right)
        throw new Error(
          `route ${method} ${url} has no entry in http/route-rights.ts: say there what it wants`,
        );
      routes.push({ method, url, right });
    }
  });
}

/** The one place where a request meets the table. A path that no route has wants nothing but a token. */
export function checkRouteRight(table: RouteRights, request: FastifyRequest): void {
  const { url } = request.routeOptions;
  if (url === undefined) return;
  const right = rightFor(table, request.method, url);
  if (!right) throw new Error(`no right is known for ${request.method} ${url}`);
  requireRight(request, right);
}

/** Whether somebody may go on with what was begun on this route. */
export function mayUseRoute(table: RouteRights, request: FastifyRequest, { rights }: Principal): boolean {
  const { url } = request.routeOptions;
  const right = url === undefined ? undefined : rightFor(table, request.method, url);
  return right === undefined || rights.has(right);
}

/** For what only the body tells, as that a command is to be run as root. */
export function requireRight(
  request: FastifyRequest,
  right: Right,
  text = 'You are not authorized to complete this action',
): void {
  const { rights } = request.principal;
  if (rights.has(right)) return;
  throw new ApiError(403, 'FORBIDDEN', text, {
    hint: `it needs the right '${right}'; this token has: ${[...rights].join(', ') || 'none'}`,
  });
}

export function rightFor(table: RouteRights, method: string, url: string): Right | undefined {
  const path = url.replace(/^\/v(1\.[01]|2)(?=\/)/, '').replaceAll(/:[A-Za-z_]+/g, ':');
  return table[`${method === 'HEAD' ? 'GET' : method} ${path}`] ?? table[`ANY ${path}`];
}
