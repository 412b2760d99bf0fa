/** An answer of the API that says no, in its own words. */
export class ExampleError extends Error {
  override readonly name = 'ExampleError';
}

export interface ExampleClientOptions {
  readonly url: string;
  readonly token: string;
  /** Aborted when the controller stops. */
  readonly signal: AbortSignal;
}

/** Milliseconds for one request, long polls included. */
const patience = 60_000;

/** What the example needs of the public API, by which it does everything that it does. */
export class ExampleClient {
  readonly #options: ExampleClientOptions;

  constructor(options: ExampleClientOptions) {
    this.#options = options;
  }

  async get<T>(path: string): Promise<T> {
    return (await this.#ask(await this.fetch('GET', path))) as T;
  }

  async post<T>(path: string, body: unknown): Promise<T> {
    return (await this.#ask(await this.fetch('POST', path, body))) as T;
  }

  async text(path: string): Promise<string> {
    const answer = await this.fetch('GET', path);
    if (!answer.ok) throw await refusal(answer);
    return answer.text();
  }

  fetch(method: string, path: string, body?: unknown): Promise<Response> {
    const { url, token, signal } = this.#options;
    return fetch(new URL(path, url), {
      method,
      headers: { 'x-auth-token': token, ...(body ? { 'content-type': 'application/json' } : {}) },
      signal: AbortSignal.any([signal, AbortSignal.timeout(patience)]),
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
  }

  async #ask(answer: Response): Promise<unknown> {
    if (!answer.ok) throw await refusal(answer);
    return answer.json();
  }
}

/** The API's own sentence and hint. */
export async function refusal(answer: Response): Promise<ExampleError> {
  const text = await answer.text();
  try {
    const { error_message, hint } = JSON.parse(text) as Record<string, unknown>;
    const sentence = String(error_message ?? text).replace(/\nError ID: .*$/s, '');
    return new ExampleError(hint ? `${sentence} (${hint})` : sentence);
  } catch {
    return new ExampleError(`status ${answer.status}`);
  }
}
