import { randomUUID } from 'node:crypto';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { ApiError } from '@wadi/api';
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifySchemaValidationError,
  LogController,
} from 'fastify';
import type { Authenticator } from '../auth/principal.ts';
import { requireToken } from './auth.ts';
import { answerClientError } from './client-error.ts';
import type { HttpContext, Resource } from './context.ts';
import { drainRequests } from './drain-requests.ts';
import { handleErrors, sendError } from './errors.ts';
import { hostGuard, isIn, networkList, refuse } from './host-guard.ts';
import { parseJson } from './json-body.ts';
import { serveDocument } from './openapi/serve-document.ts';
import { type RouteRights, requireRouteRights, rightFor, routeRights } from './route-rights.ts';
import { saharaPath } from './sahara-path.ts';
import { serveUpgrades } from './upgrade.ts';

export interface ServerOptions {
  readonly context: HttpContext;
  readonly resources: readonly Resource[];
  /** Names besides loopback's under which the controller is addressed. */
  readonly hosts: readonly string[];
  readonly authenticator: Authenticator;
  /** PEM texts; absent: plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string } | null;
  /** Networks (CIDR) of proxies that speak TLS for us. */
  readonly trustedTlsProxies?: readonly string[];
  /** What routes want that are not Wadi's own, as tests add them. */
  readonly furtherRights?: RouteRights;
}

/** Bytes; a route that takes more says so itself. */
const bodyLimit = 1024 * 1024;

/** The API: built, not yet listening. */
export async function createServer({
  context,
  resources,
  hosts,
  authenticator,
  tls = null,
  trustedTlsProxies = [],
  furtherRights,
}: ServerOptions) {
  const table = { ...routeRights, ...furtherRights };
  let port = 0;
  const proxies = trustedTlsProxies.length > 0 ? networkList(trustedTlsProxies) : null;
  const guard = hostGuard({ names: hosts, port: () => port, tls: tls !== null, proxies });
  const app: FastifyInstance = fastify({
    loggerInstance: context.log as FastifyBaseLogger,
    // Our own line per refused request says more; one per answered request would drown it.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit,
    // Whose X-Forwarded headers tell where a request comes from: nobody else's.
    trustProxy: proxies === null ? false : (address) => isIn(proxies, address),
    // Milliseconds: to receive a whole request, and to keep an idle connection.
    requestTimeout: 300_000,
    keepAliveTimeout: 75_000,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { maxParamLength: 500 },
    genReqId: () => `req-${randomUUID()}`,
    rewriteUrl: (request) => saharaPath(request),
    clientErrorHandler: answerClientError,
    // What fails before there is a route.
    frameworkErrors: (error, request, reply) => sendError(error, request, reply),
    // Nothing is coerced, dropped or filled in: validation judges what the user sent.
    ajv: {
      customOptions: {
        coerceTypes: false,
        removeAdditional: false,
        useDefaults: false,
        allErrors: true,
        verbose: true,
        strict: false,
      },
    },
    schemaErrorFormatter: (errors, part) => validationError(errors, part),
    serverFactory: (handler, options) => {
      const listener: RequestListener = (request, response) => {
        const refusal = guard(request);
        if (refusal) refuse(refusal, response);
        else handler(request, response);
      };
      const server =
        tls === null
          ? createHttpServer(options as object, listener)
          : createHttpsServer({ ...(options as object), ...tls, minVersion: 'TLSv1.2' }, listener);
      serveUpgrades(server, listener);
      return server;
    },
  });
  app.addHook('onListen', async () => {
    const address = app.server.address();
    port = typeof address === 'object' && address ? address.port : 0;
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.header('X-Openstack-Request-Id', request.id);
    reply.header('X-Content-Type-Options', 'nosniff');
    if (!/^\/v2(\/|$|\?)/.test(request.url)) return;
    reply.header('OpenStack-API-Version', 'data-processing 2.0');
    reply.header('Vary', 'OpenStack-API-Version');
  });
  drainRequests(app, context.drain);
  handleErrors(app);
  requireRouteRights(app, table);
  serveDocument(app, (method, url) => rightFor(table, method, url));
  requireToken(app, authenticator, table);
  parseJson(app);
  for (const resource of resources) await app.register(async (scope) => resource(scope, context));
  await app.ready();
  return app;
}

/** For Wadi's own resources. Sahara's are checked by http/sahara, whose texts are part of the contract. */
function validationError(errors: readonly FastifySchemaValidationError[], part: string): ApiError {
  const lines = errors.map(({ keyword, instancePath, params, message }) => {
    const path = instancePath
      .slice(1)
      .replaceAll(/\/(\d+)/g, '[$1]')
      .replaceAll('/', '.');
    const extra =
      keyword === 'additionalProperties' ? ` ('${params.additionalProperty}' was unexpected)` : '';
    return `${path || part} ${message}${extra}`;
  });
  return new ApiError(400, 'VALIDATION_ERROR', [...new Set(lines)].join('\n'));
}
