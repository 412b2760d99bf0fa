import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { CloudConfig } from './config/cloud-config.ts';
import { OpenStack, type OpenStackOptions } from './openstack.ts';
import { Secret } from './secret.ts';

export interface Received {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever was sent
  readonly body: any;
  readonly socket: Socket;
}

type Reply = { status?: number; headers?: Record<string, string>; body?: object | string };
type Handler = (
  request: Received,
  response: ServerResponse,
) => Reply | undefined | Promise<Reply | undefined>;

export const password = 'correct horse: "battery" staple';
export const projectId = 'ee40bc5cd2414ad39051395c358fa00c';

/** A real HTTP server on loopback that plays the services of a cloud, with answers as a real one (Zed) gave them. */
export class TestCloud {
  readonly received: Received[] = [];
  /** Accepted ones; empty it, and everybody has to log in again. */
  readonly tokens = new Set<string>();
  logins = 0;
  /** Seconds. */
  tokenLifetime = 3600;
  readonly #server: Server;
  readonly #handlers = new Map<string, Handler>();
  readonly #clients: OpenStack[] = [];

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request, response) => void this.#answer(request, response));
    this.on('POST /identity/v3/auth/tokens', (request) => this.#logIn(request));
    this.on('GET /identity/v3/auth/tokens', ({ headers }) => this.#describe(headers));
  }

  static async start(): Promise<TestCloud> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new TestCloud(server);
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get config(): CloudConfig {
    return {
      name: 'test',
      authUrl: `${this.origin}/identity/v3`,
      credential: {
        kind: 'password',
        user: { name: 'demo', domain: { id: 'default' } },
        password: new Secret(password),
        scope: { kind: 'project', project: { name: 'demo', domain: { id: 'default' } } },
      },
      region: 'RegionOne',
      interface: 'public',
      ca: null,
      endpoints: {},
    };
  }

  /** With short pauses, so that nobody waits; what a test is about it sets itself. */
  client(options: OpenStackOptions = {}, config: Partial<CloudConfig> = {}): OpenStack {
    const limits = { firstPause: 5, longestPause: 20, ...options.limits };
    const client = new OpenStack({ ...this.config, ...config }, { ...options, limits });
    this.#clients.push(client);
    return client;
  }

  /** `GET /compute/v2.1/servers`; of several for one, the last. */
  on(what: string, handler: Handler): void {
    this.#handlers.set(what, handler);
  }

  /** How many connections it has. */
  async connections(): Promise<number> {
    return await new Promise((resolve, reject) =>
      this.#server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
    );
  }

  /** What came for a path, oldest first. */
  requests(what: string): Received[] {
    return this.received.filter(({ method, path }) => `${method} ${path.split('?', 1)[0]}` === what);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    try {
      for await (const piece of request.setEncoding('utf8')) text += piece;
    } catch {
      return;
    }
    const { method = '', url = '', headers, socket } = request;
    const json = headers['content-type'] === 'application/json';
    const received = { method, path: url, headers, text, body: json ? JSON.parse(text) : null, socket };
    this.received.push(received);
    const what = `${method} ${url.split('?', 1)[0]}`;
    const known = this.tokens.has(String(headers['x-auth-token'])) || what.endsWith('/auth/tokens');
    const reply = known ? await this.#reply(what, received, response) : unauthorized;
    if (!reply || response.destroyed) return;
    const { status = 200, body = '', headers: more } = reply;
    response.writeHead(status, {
      'content-type': typeof body === 'string' ? 'text/html' : 'application/json',
      'x-openstack-request-id': `req-${this.received.length}`,
      ...more,
    });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  }

  async #reply(what: string, received: Received, response: ServerResponse): Promise<Reply | undefined> {
    const handler = this.#handlers.get(what);
    if (handler) return await handler(received, response);
    return { status: 404, body: { itemNotFound: { code: 404, message: `nothing plays ${what}` } } };
  }

  #logIn({ body }: Received): Reply {
    const given = body?.auth?.identity?.password?.user?.password;
    if (given !== undefined && given !== password) return unauthorized;
    this.logins += 1;
    const token = `gAAAAA-token-${this.logins}`;
    this.tokens.add(token);
    return { status: 201, headers: { 'x-subject-token': token }, body: { token: this.#described() } };
  }

  /** A token may ask about itself. */
  #describe({ 'x-auth-token': asking, 'x-subject-token': token }: Received['headers']): Reply {
    if (token !== asking || !this.tokens.has(String(token))) return unauthorized;
    return { headers: { 'x-subject-token': String(token) }, body: { token: this.#described() } };
  }

  #described(): object {
    const issued = Date.UTC(2026, 0, 1);
    return {
      methods: ['password'],
      issued_at: new Date(issued).toISOString(),
      expires_at: new Date(issued + this.tokenLifetime * 1000).toISOString(),
      user: {
        id: '7e921589e5614d3b9c28bb870dfae7d3',
        name: 'demo',
        domain: { id: 'default', name: 'Default' },
      },
      project: { id: projectId, name: 'demo', domain: { id: 'default', name: 'Default' } },
      roles: [{ id: '3674477b6d4e4db4933ba4186ce0e21b', name: 'member' }],
      catalog: this.#catalog(),
    };
  }

  #catalog(): object[] {
    const paths = {
      identity: '/identity/v3',
      compute: '/compute/v2.1',
      network: '/network',
      image: '/image',
      volumev3: `/volume/v3/${projectId}`,
    };
    return Object.entries(paths).map(([type, path]) => ({
      type,
      name: type,
      id: type,
      endpoints: [
        {
          id: 'a',
          interface: 'internal',
          region: 'RegionOne',
          region_id: 'RegionOne',
          url: 'http://192.0.2.1/',
        },
        {
          id: 'b',
          interface: 'public',
          region: 'RegionOne',
          region_id: 'RegionOne',
          url: `${this.origin}${path}`,
        },
      ],
    }));
  }
}

const message = 'The request you have made requires authentication.';
const unauthorized: Reply = { status: 401, body: { error: { code: 401, title: 'Unauthorized', message } } };
