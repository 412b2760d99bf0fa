import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Dispatcher, request as send } from 'undici';
import { cloudOrigin, type Exchange, recordAnswer, recordRequest } from './exchange.ts';

/** Milliseconds for an answer of a service; the client has its own, shorter one. */
const patience = 120_000;
/** That are of one connection, or would have to be made again for a text that is changed. */
const ofTheConnection =
  /^(host|connection|keep-alive|transfer-encoding|content-length|accept-encoding|expect)$/;

interface Catalog {
  readonly token: {
    readonly catalog?: readonly {
      readonly type: string;
      readonly endpoints: readonly { readonly url: string }[];
    }[];
  };
}

/**
 * Stands between the client and a real cloud, and keeps what is said. Keystone is at `/identity`. Where the other services are it
 * learns from the catalog that comes with a token, in which it puts itself in their places.
 */
export class Recorder {
  readonly #server: Server;
  /** By the first segment of the path: the origin of the service. */
  readonly #origins: Map<string, string>;
  #exchanges: Exchange[] = [];

  private constructor(server: Server, keystone: URL) {
    this.#server = server;
    this.#origins = new Map([['identity', keystone.origin]]);
    server.on('request', (request, response) => void this.#pass(request, response));
  }

  static async start(keystone: URL): Promise<Recorder> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Recorder(server, keystone);
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get exchanges(): readonly Exchange[] {
    return this.#exchanges;
  }

  /** Keeps only the first `count`. */
  forgetAfter(count: number): void {
    this.#exchanges = this.#exchanges.slice(0, count);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #pass(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      let text = '';
      for await (const piece of incoming.setEncoding('utf8')) text += piece;
      const { method = '', url = '', headers } = incoming;
      const answer = await this.#forward(incoming, text);
      const said = await answer.body.text();
      this.#learn(url, answer.statusCode, said);
      const masked = this.#behind(said, cloudOrigin);
      const recorded = recordAnswer(answer.statusCode, answer.headers, masked);
      this.#exchanges.push({ request: recordRequest(method, url, headers, text), answer: recorded });
      response.writeHead(answer.statusCode, this.#kept(answer.headers));
      response.end(this.#behind(said, this.origin));
    } catch (error) {
      // The client sees a broken connection, as it would without us.
      console.error(`recorder: ${incoming.method} ${incoming.url}: ${error}`);
      response.destroy();
    }
  }

  async #forward(
    { method, url = '', headers }: IncomingMessage,
    text: string,
  ): Promise<Dispatcher.ResponseData> {
    const [, service = '', rest = ''] = /^\/([^/]+)(\/.*)?$/.exec(url) ?? [];
    const origin = this.#origins.get(service);
    if (!origin) throw new Error(`no service "${service}" in the catalog`);
    return await send(`${origin}${rest}`, {
      method: method as Dispatcher.HttpMethod,
      headers: this.#kept(headers),
      body: text === '' ? null : text,
      headersTimeout: patience,
      bodyTimeout: patience,
    });
  }

  #kept(headers: IncomingMessage['headers']): Record<string, string | string[]> {
    const kept = Object.entries(headers).filter(([name]) => !ofTheConnection.test(name));
    return Object.fromEntries(kept) as Record<string, string | string[]>;
  }

  #learn(path: string, status: number, text: string): void {
    if (path !== '/identity/v3/auth/tokens' || status !== 201) return;
    for (const { type, endpoints } of (JSON.parse(text) as Catalog).token.catalog ?? [])
      for (const { url } of endpoints) this.#origins.set(type, new URL(url).origin);
  }

  #behind(text: string, origin: string): string {
    let changed = text;
    for (const [service, its] of this.#origins) changed = changed.replaceAll(its, `${origin}/${service}`);
    return changed;
  }
}
