import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  request as send,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { Faults } from './faults.ts';
import type { Reply } from './reply.ts';
import { Clock } from './world.ts';

/** Of a connection, or of how a body is sent over it. */
const own = ['host', 'connection', 'keep-alive', 'transfer-encoding', 'content-length', 'accept-encoding'];

interface Passed {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** Addresses of the services, by what stands for each in front of its paths here: `compute`. */
export type Services = Readonly<Record<string, string>>;

/**
 * On loopback, between a controller and a real OpenStack or the stand-in. What services say of where they are is rewritten, so
 * that whoever logs in here stays here. All is passed on except what a test wants to go wrong.
 */
export class FaultProxy {
  readonly faults: Faults;
  /** Before a request is passed on, or goes wrong. */
  onRequest: ((method: string, path: string) => void | Promise<void>) | null = null;
  readonly #services: Services;
  readonly #server: Server;
  readonly #clock = new Clock();
  readonly #problems: unknown[] = [];

  private constructor(services: Services) {
    this.#services = services;
    this.faults = new Faults(this.#clock);
    this.#server = createServer((request, response) => {
      this.#receive(request, response).catch((error: unknown) => {
        this.#problems.push(error);
        response.destroy();
      });
    });
  }

  /** Services without a path, or with one: `http://192.0.2.1:8774`. `identity` is one of them. */
  static async open(services: Services): Promise<FaultProxy> {
    const proxy = new FaultProxy(services);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Ends in `/v3`. */
  get authUrl(): string {
    return `${this.origin}/identity/v3`;
  }

  /** Throws what went wrong that nobody had planned. */
  async close(): Promise<void> {
    this.faults.stop();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.#clock.stop();
    const problems = [...this.#problems, ...this.#clock.problems];
    if (problems.length > 0)
      throw new AggregateError(problems, 'the proxy in front of OpenStack had problems');
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    try {
      for await (const piece of request) pieces.push(piece as Buffer);
    } catch {
      // The client went away in the middle of it.
      return;
    }
    const { method = '', url = '/', headers } = request;
    const { pathname } = new URL(url, this.origin);
    await this.onRequest?.(method, pathname);
    const passed = { method, path: url, headers, body: Buffer.concat(pieces) };
    const fault = this.faults.take(method, pathname);
    const outcome = fault
      ? await this.faults.apply(fault, () => this.#passOn(passed))
      : ({ kind: 'answer', reply: await this.#passOn(passed) } as const);
    if (response.destroyed) return;
    if (outcome.kind === 'lost') {
      response.destroy();
      return;
    }
    const { status, headers: said, body = '' } = outcome.reply;
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    // Services give every answer an id; without one it would be a gateway's.
    const id = said?.['x-openstack-request-id'] ?? 'req-of-the-proxy';
    response.writeHead(status, { 'content-type': 'application/json', ...said, 'x-openstack-request-id': id });
    response.end(outcome.kind === 'truncated' ? text.slice(0, Math.floor(text.length / 2)) : text);
  }

  #passOn({ method, path, headers, body }: Passed): Promise<Reply> {
    const [, name = '', rest = ''] = /^\/([^/?]+)(.*)$/.exec(path) ?? [];
    const service = this.#services[name];
    if (service === undefined) return Promise.resolve({ status: 404, body: 'there is no such service' });
    const kept = Object.entries(headers).filter(([each]) => !own.includes(each));
    return new Promise((resolve, reject) => {
      const asked = send(`${service}${rest}`, {
        method,
        headers: { ...Object.fromEntries(kept), 'content-length': body.length },
      });
      asked.once('error', reject);
      asked.once('response', (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (piece: string) => (text += piece));
        answer.once('error', reject).once('end', () => {
          resolve({ status: answer.statusCode ?? 502, headers: this.#kept(answer), body: this.#here(text) });
        });
      });
      asked.end(body);
    });
  }

  #kept({ headers }: IncomingMessage): Record<string, string> {
    const said = Object.entries(headers).filter(([name]) => !own.includes(name));
    return Object.fromEntries(said.map(([name, value]) => [name, this.#here(String(value))]));
  }

  #here(text: string): string {
    return Object.entries(this.#services).reduce(
      (all, [name, service]) => all.replaceAll(service, `${this.origin}/${name}`),
      text,
    );
  }
}
