import { AssertionError } from 'node:assert';
import { ApiError } from '@wadi/api';
import { AccessError, type Route } from '@wadi/indirect-access';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Dispatcher, errors } from 'undici';
import { accessApiError } from '../../access/access-problem.ts';
import type { ClusterAccess } from '../../access/cluster-access.ts';
import type { InstanceFacts } from '../../access/cluster-facts.ts';
import type { ClusterReach } from '../../access/cluster-reach.ts';
import { AuditLog } from '../../storage/audit-log.ts';
import type { Resource } from '../context.ts';
import { beginFetch } from './audit-fetch.ts';
import { callerGone } from './caller-gone.ts';
import { headersForCaller, headersForMachine } from './forwarded-headers.ts';
import { machineOperations } from './machine-operations.ts';
import { ownCluster } from './own-cluster.ts';
import { readPort } from './read-port.ts';
import { unknownTargets } from './resolve-targets.ts';

/** Milliseconds until the machine's first byte, and between two pieces of its answer. */
const headersTimeout = 60_000;
const bodyTimeout = 300_000;

/** Web pages of machines, through whatever hops lie between. Bodies stream both ways; redirects are the caller's. */
export function httpFetch(access: ClusterAccess, controllerId: string): Resource {
  return (app, { db, stopping, log }) => {
    const audit = new AuditLog(db);
    // The body is the machine's: nothing is parsed, whatever it calls itself.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, _payload, done) => done(null));
    const serve = async (request: FastifyRequest, reply: FastifyReply) => {
      const cluster = await ownCluster(db, request);
      const { instance: name } = request.params as { instance: string };
      const port = readPort(request);
      const reach = await access.reach(cluster);
      const instance = reach.find(name);
      if (!instance) throw unknownTargets(reach.facts, [name]);
      const signal = callerGone(reply, stopping);
      const [route] = reach.portRoutes(instance);
      const path = pathOf(request);
      const fetch = { cluster, instance, port, path, request, route };
      const begun = await beginFetch({ audit, log, owner: controllerId, ...fetch });
      try {
        const { answer, route: taken } = await ask(access, reach, instance, port, request, signal);
        const body = begun.count(answer.body, answer.statusCode, taken);
        return reply.code(answer.statusCode).headers(headersForCaller(answer.headers)).send(body);
      } catch (error) {
        begun.failed(error);
        throw error;
      }
    };
    const method = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'];
    const url = '/v2/clusters/:cluster/instances/:instance/http/:port';
    const { http, httpPath } = machineOperations;
    app.route({ method, url, config: { ...http.config, rawBody: true }, handler: serve });
    app.route({ method, url: `${url}/*`, config: { ...httpPath.config, rawBody: true }, handler: serve });
  };
}

async function ask(
  access: ClusterAccess,
  reach: ClusterReach,
  instance: InstanceFacts,
  port: number,
  request: FastifyRequest,
  signal: AbortSignal,
): Promise<{ readonly answer: Dispatcher.ResponseData; readonly route: Route }> {
  const hasBody =
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
  const host = port === 80 ? instance.name : `${instance.name}:${port}`;
  const fetch = async (route: Route) => {
    const sent = access.http.of(route).request({
      // The dispatcher is the machine's, and names such as `08` are none that a URL may have.
      origin: `http://machine:${port}`,
      path: pathOf(request),
      method: request.method as Dispatcher.HttpMethod,
      headers: { ...headersForMachine(request.headers), host },
      body: hasBody ? request.raw : null,
      signal,
      headersTimeout,
      bodyTimeout,
    });
    const answer = await sent.catch((error) => {
      throw accessCause(error) ?? error;
    });
    if (answer.statusCode >= 200 && answer.statusCode <= 599) return { answer, route };
    answer.body.on('error', () => {}).destroy();
    throw new errors.HTTPParserError(`status ${answer.statusCode}`);
  };
  try {
    // A body can be sent once, so the way must be known to be open before.
    if (hasBody) return await fetch(await openWay(reach, instance, port, signal));
    return await reach.throughToPort(instance, port, fetch, signal);
  } catch (error) {
    // Nobody reads the answer any more, unless it is us who stop.
    if (signal.aborted) throw new ApiError(499, 'CANCELLED', 'The request was given up', { cause: error });
    throw badGateway(error, instance, port);
  }
}

function openWay(
  reach: ClusterReach,
  instance: InstanceFacts,
  port: number,
  signal: AbortSignal,
): Promise<Route> {
  return reach.throughToPort(
    instance,
    port,
    async (route) => {
      const tunnel = await reach.indirect.tunnel(route, { port }, { signal });
      tunnel.on('error', () => {});
      tunnel.destroy();
      return route;
    },
    signal,
  );
}

/** What follows the port, as the caller wrote it: decoding and encoding again could change it. */
function pathOf(request: FastifyRequest): string {
  const [, rest = ''] = /^(?:\/[^/?]+){7}(.*)$/s.exec(request.url) ?? [];
  return rest.startsWith('/') ? rest : `/${rest}`;
}

function accessCause(error: unknown): AccessError | undefined {
  for (let each = error; each instanceof Error; each = each.cause)
    if (each instanceof AccessError) return each;
  return undefined;
}

function badGateway(error: unknown, instance: InstanceFacts, port: number): unknown {
  const told = accessApiError(error);
  if (told !== error) return told;
  const code = error instanceof errors.UndiciError ? error.code : '';
  // undici asserts some of what a machine says.
  const garbage = error instanceof errors.HTTPParserError || error instanceof AssertionError;
  if (code === '' && !garbage) return error;
  const timeout = code.endsWith('_TIMEOUT');
  return new ApiError(
    timeout ? 504 : 502,
    timeout ? 'HTTP_TIMEOUT' : 'HTTP_FAILED',
    `machine ${instance.name}: port ${port} ${timeout ? 'took too long to answer' : 'does not speak HTTP, or broke off'}`,
    {
      retryable: timeout,
      details: { hop: instance.name, phase: 'transfer' },
      hint: `see what listens there: ss -ltnp 'sport = :${port}'`,
      // A parser's error carries what it could not read.
      cause: garbage ? new Error(error.message) : error,
    },
  );
}
