import { randomUUID } from 'node:crypto';
import { createServer as createHttpServer } from 'node:http';
import { ApiError } from '@wadi/api';
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifySchemaValidationError,
  LogController,
} from 'fastify';
import { requireToken } from './auth.ts';
import type { HttpContext, Resource } from './context.ts';
import { handleErrors, sendError } from './errors.ts';
import { hostGuard, refuse } from './host-guard.ts';
import { parseJson } from './json-body.ts';
import { saharaPath } from './sahara-path.ts';

export interface ServerOptions {
  readonly context: HttpContext;
  readonly resources: readonly Resource[];
  /** Names besides loopback's under which the controller is addressed. */
  readonly hosts: readonly string[];
}

/** Bytes; a route that takes more says so itself. */
const bodyLimit = 1024 * 1024;

/** The API: built, not yet listening. */
export async function createServer({ context, resources, hosts }: ServerOptions) {
  let port = 0;
  const guard = hostGuard(hosts, () => port);
  const app: FastifyInstance = fastify({
    loggerInstance: context.log as FastifyBaseLogger,
    // Our own line per refused request says more; one per answered request would drown it.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit,
    // Milliseconds: to receive a whole request, and to keep an idle connection.
    requestTimeout: 300_000,
    keepAliveTimeout: 75_000,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { maxParamLength: 500 },
    genReqId: () => `req-${randomUUID()}`,
    rewriteUrl: (request) => saharaPath(request),
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
    serverFactory: (handler, options) =>
      createHttpServer(options as object, (request, response) => {
        const refusal = guard(request);
        if (refusal) refuse(refusal, response);
        else handler(request, response);
      }),
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
  handleErrors(app);
  requireToken(app, context.db);
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
