import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { cloudOrigin, type Exchange, recordRequest } from './exchange.ts';

/**
 * Answers on loopback as the services did when a recording was made, and only as long as exactly the recorded requests come, in
 * their order.
 */
export class Player {
  readonly #server: Server;
  readonly #exchanges: readonly Exchange[];
  #played = 0;
  #problem: string | null = null;

  private constructor(server: Server, exchanges: readonly Exchange[]) {
    this.#server = server;
    this.#exchanges = exchanges;
    server.on('request', (request, response) => void this.#answer(request, response));
  }

  static async start(exchanges: readonly Exchange[]): Promise<Player> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Player(server, exchanges);
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What differed from the recording first; also that not all of it was asked for. Null: nothing. */
  get problem(): string | null {
    if (this.#problem !== null) return this.#problem;
    const next = this.#exchanges[this.#played]?.request;
    return next ? `not asked for any more: ${describe(next)}` : null;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    try {
      for await (const piece of incoming.setEncoding('utf8')) text += piece;
    } catch {
      return;
    }
    const { method = '', url = '', headers } = incoming;
    const request = recordRequest(method, url, headers, text);
    const exchange = this.#exchanges[this.#played];
    if (this.#problem === null && !isDeepStrictEqual(request, exchange?.request))
      this.#problem = `request ${this.#played + 1} is ${describe(request)}, and was ${exchange ? describe(exchange.request) : 'none'}`;
    if (this.#problem !== null || !exchange) {
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ badRequest: { code: 400, message: this.#problem } }));
      return;
    }
    this.#played += 1;
    const { status, headers: given, body } = exchange.answer;
    const answer = typeof body === 'string' ? body : body === null ? '' : JSON.stringify(body);
    response.writeHead(status, given);
    response.end(answer.replaceAll(cloudOrigin, this.origin));
  }
}

function describe(request: object): string {
  return JSON.stringify(request);
}
