import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Faults, type Outcome } from './faults.ts';
import { uuid } from './ids.ts';
import type { Token } from './keystone/identity.ts';
import { microversionOf } from './nova/microversion.ts';
import { glance, keystone, neutron, Refusal, type Reply, unauthorized } from './reply.ts';
import { type Asked, type Json, match, type Route } from './routes.ts';
import type { World } from './world.ts';

/** A request that came, in the order of arrival. */
export interface Logged {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: string;
  /** `compute 2.52`; null: it asked for none. */
  readonly microversion: string | null;
  /** Whose token it had; null: it had none that counts. */
  readonly user: string | null;
  /** Null where it is a login: that holds a secret. */
  readonly body: Json;
  readonly requestId: string;
  /** What a service said to it, whatever the client heard; null: it was not obeyed. */
  status: number | null;
  /** Whether a fault was in its way. */
  readonly isFaulty: boolean;
}

/** HTTP on loopback: all services behind one port, by the first segment of the path. */
export class FrontDoor {
  readonly faults: Faults;
  readonly requests: Logged[] = [];
  readonly #world: World;
  readonly #server: Server;
  readonly #routes: readonly Route[];

  constructor(world: World, routes: readonly Route[]) {
    this.#world = world;
    this.faults = new Faults(world.clock);
    this.#routes = routes;
    this.#server = createServer((request, response) => void this.#receive(request, response));
  }

  /** Returns the origin. */
  async open(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.faults.stop();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    try {
      for await (const piece of request.setEncoding('utf8')) text += piece;
    } catch {
      // The client went away in the middle of it.
      return;
    }
    const { pathname: path, search: query } = new URL(request.url ?? '/', this.#world.origin);
    const { method = '', headers } = request;
    const fault = this.faults.take(method, path);
    const body = readBody(text, headers['content-type']);
    const logged: Logged = {
      method,
      path,
      query,
      microversion: (headers['openstack-api-version'] as string | undefined) ?? null,
      user: this.#tokenOf(headers)?.user.name ?? null,
      body: path.endsWith('/auth/tokens') ? null : body,
      requestId: `req-${uuid()}`,
      status: null,
      isFaulty: fault !== null,
    };
    this.requests.push(logged);
    const obey = (): Reply => {
      const reply = this.#obey({ method, path, query: new URLSearchParams(query), headers, body });
      logged.status = reply.status;
      return reply;
    };
    const outcome: Outcome = fault ? await this.faults.apply(fault, obey) : { kind: 'answer', reply: obey() };
    this.#respond(response, outcome, logged);
  }

  #obey(request: Pick<Asked, 'method' | 'path' | 'query' | 'headers' | 'body'>): Reply {
    const { method, path, headers } = request;
    const isCompute = path.startsWith('/compute/');
    try {
      const matched = match(this.#routes, method, path);
      const token = this.#tokenOf(headers);
      if (!matched?.route.open && !token) throw unauthorized();
      if (!matched) throw unknownPath(path);
      const { route, params } = matched;
      if (token && path.startsWith('/identity/') && !route.open && !this.#world.identity.stands(token))
        throw keystone(404, 'Could not find what the token was got by.');
      const version = isCompute ? microversionOf(headers, this.#world.settings) : 0;
      // An open route does not look at it.
      const known = token as Token;
      const reply = route.handler({
        ...request,
        params,
        token: known,
        project: token?.project?.id ?? '',
        version,
      });
      const spoken = isCompute ? { 'openstack-api-version': `compute 2.${version}` } : {};
      return { ...reply, headers: { ...spoken, ...reply.headers } };
    } catch (error) {
      if (error instanceof Refusal) return error.reply;
      // A defect of the stand-in: the test has to fail by it.
      this.#world.clock.problems.push(error);
      return { status: 500, body: { computeFault: { code: 500, message: String(error) } } };
    }
  }

  #tokenOf(headers: IncomingMessage['headers']): Token | null {
    return this.#world.identity.token(headers['x-auth-token'] as string | undefined);
  }

  #respond(response: ServerResponse, outcome: Outcome, { path, requestId }: Logged): void {
    if (response.destroyed) return;
    if (outcome.kind === 'lost') {
      response.destroy();
      return;
    }
    const { status, headers, body = '' } = outcome.reply;
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    response.writeHead(status, {
      'content-type':
        typeof body === 'string' && body !== '' ? 'text/html; charset=UTF-8' : 'application/json',
      vary: 'X-Auth-Token',
      'x-openstack-request-id': requestId,
      ...(path.startsWith('/compute/') ? { 'x-compute-request-id': requestId } : {}),
      ...headers,
    });
    response.end(outcome.kind === 'truncated' ? text.slice(0, Math.floor(text.length / 2)) : text);
  }
}

/** Each service has its own way of saying so. */
function unknownPath(path: string): Refusal {
  const message = 'The resource could not be found.';
  if (path.startsWith('/network/')) return neutron(404, 'HTTPNotFound', message);
  return path.startsWith('/identity/') ? keystone(404, message) : glance(404, message);
}

function readBody(text: string, type: string | undefined): Json {
  if (type !== 'application/json') return text;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
