import { randomUUID } from 'node:crypto';
import { createServer as createHttpServer } from 'node:http';
import { ApiError } from '@wadi/api';
import fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { requireToken } from './auth.ts';
import type { HttpContext, Resource } from './context.ts';
import { handleErrors } from './errors.ts';
import { hostGuard, refuse } from './host-guard.ts';
import { parseJson } from './json-body.ts';
import { saharaPath } from './sahara-path.ts';

export interface ServerOptions {
  readonly context: HttpContext;
  readonly resources: readonly Resource[];
  /** Names besides loopback's under which the controller is addressed. */
  readonly hosts: readonly string[];
  /** Turns what ajv found into Sahara's text, one line per problem. */
  readonly describeProblems: (problems: readonly ValidationProblem[], part: string) => string;
}

/** As ajv reports it with `verbose`. */
export interface ValidationProblem {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: Record<string, unknown>;
  readonly message?: string;
}

/** Bytes; a route that takes more says so itself. */
const bodyLimit = 1024 * 1024;

/** The API: built, not yet listening. */
export async function createServer({ context, resources, hosts, describeProblems }: ServerOptions) {
  let port = 0;
  const guard = hostGuard(hosts, () => port);
  const app: FastifyInstance = fastify({
    loggerInstance: context.log as FastifyBaseLogger,
    // Our own line per refused request says more; one per answered request would drown it.
    disableRequestLogging: true,
    bodyLimit,
    // Milliseconds: to receive a whole request, and to keep an idle connection.
    requestTimeout: 300_000,
    keepAliveTimeout: 75_000,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { maxParamLength: 500 },
    genReqId: () => `req-${randomUUID()}`,
    rewriteUrl: (request) => saharaPath(request),
    // Nothing is coerced, dropped or filled in: validation says what the user sent, as Sahara does.
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
    schemaErrorFormatter: (errors, part) =>
      new ApiError(400, 'VALIDATION_ERROR', describeProblems(errors as ValidationProblem[], part)),
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
