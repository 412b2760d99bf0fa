import { Agent, fetch, type RequestInit, type Response } from 'undici';

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of an answer by using it.
  readonly body: any;
}

/** A place where the API is reached over TLS: a balancer, or a controller past it. */
export class Entrance {
  readonly url: string;
  readonly #token: string;
  readonly #agent: Agent;

  /** @param options.localAddress where requests come from. */
  constructor(url: string, token: string, { ca, localAddress }: { ca: string; localAddress?: string }) {
    this.url = url;
    this.#token = token;
    this.#agent = new Agent({ connect: { ca }, ...(localAddress ? { localAddress } : {}) });
  }

  fetch(target: string, init: RequestInit = {}): Promise<Response> {
    const headers = { 'X-Auth-Token': this.#token, ...(init.headers as Record<string, string> | undefined) };
    return fetch(`${this.url}${target}`, { ...init, headers, dispatcher: this.#agent });
  }

  /** JSON in, JSON out. */
  async request(method: string, target: string, body?: unknown): Promise<Answer> {
    const headers: Record<string, string> = body === undefined ? {} : { 'Content-Type': 'application/json' };
    const init = { method, headers, body: body === undefined ? null : JSON.stringify(body) };
    const response = await this.fetch(target, init);
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json');
    return { status: response.status, body: isJson ? JSON.parse(text) : text };
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }
}
