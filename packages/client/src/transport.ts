import type { FrameStream, FrameStreamOptions } from '@wadi/wire';
import { errorFromAnswer, WadiError } from './wadi-error.ts';

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for the whole call, repetitions included. */
  readonly timeout?: number | undefined;
  /** How often a call that may be repeated is sent before its error is the caller's. Default 4, about 2 s. */
  readonly tries?: number | undefined;
}

export type Octets = Uint8Array<ArrayBuffer> | AsyncIterable<Uint8Array>;

export interface Call extends CallOptions {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined;
  readonly body?: unknown;
  /** In place of a body: as they are, or as they come. */
  readonly octets?: Octets | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * The call may be sent again when its answer was lost. Always so for GET; for a POST only when the request
   * carries its own identity.
   */
  readonly repeatable?: boolean;
}

export interface TransportOptions {
  readonly url: string;
  readonly token: string;
  /** Milliseconds for a call that names no deadline of its own. Default 30,000. */
  readonly timeout?: number | undefined;
}

/** Sends calls to one controller: deadline, repetition where that is safe, errors of one kind. */
export class Transport {
  readonly #base: string;
  readonly #token: string;
  readonly #timeout: number;

  constructor(options: TransportOptions) {
    this.#base = options.url.replace(/\/+$/, '');
    this.#token = options.token;
    this.#timeout = options.timeout ?? 30_000;
  }

  async json<T>(method: string, path: string, call: Call = {}): Promise<T> {
    return await this.#perform(method, path, call, async (response) => parseAnswer<T>(await response.text()));
  }

  async bytes(path: string, call: Call = {}): Promise<{ bytes: Uint8Array; headers: Headers }> {
    return await this.#perform('GET', path, call, async (response) => {
      return { bytes: new Uint8Array(await response.arrayBuffer()), headers: response.headers };
    });
  }

  /** The answer's head as soon as it is there; the body comes as it is read. `signal` also ends the body. */
  async stream(path: string, call: Call = {}): Promise<Response> {
    const url = this.url(path, call.query);
    const response = await this.raw(url, { headers: { ...call.headers } }, call);
    if (!response.ok) throw errorFromAnswer(response.status, await response.text());
    return response;
  }

  async nothing(method: string, path: string, call: Call = {}): Promise<void> {
    await this.#perform(method, path, call, async (response) => void (await response.arrayBuffer()));
  }

  /**
   * One request, as it is: no repetition, no reading of the answer, any status. The deadline covers the time
   * until the headers are there; `signal` also ends the body.
   */
  async raw(url: URL, init: RequestInit, options: CallOptions): Promise<Response> {
    const timeout = options.timeout ?? this.#timeout;
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(new DOMException('deadline', 'TimeoutError')), timeout);
    const signals = options.signal ? [options.signal, deadline.signal] : [deadline.signal];
    const headers = new Headers(init.headers);
    headers.set('X-Auth-Token', this.#token);
    try {
      // A redirect must never carry the token to another place.
      return await fetch(url, { ...init, headers, redirect: 'manual', signal: AbortSignal.any(signals) });
    } catch (error) {
      throw this.#transportError(error, deadline.signal, options.signal, timeout);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Bytes in both directions. A refusal is the controller's own error, as with any call. The deadline covers the time until
   * the stream is open; `signal` also ends the stream.
   */
  async open(path: string, call: Call & Pick<FrameStreamOptions, 'onControl'>): Promise<FrameStream> {
    // Browsers have no use for it, and nothing that it needs.
    const { openFrameStream } = await import('./open-frame-stream.ts');
    const timeout = call.timeout ?? this.#timeout;
    const deadline = AbortSignal.timeout(timeout);
    const url = this.url(path, call.query);
    try {
      return await openFrameStream(url, { 'X-Auth-Token': this.#token }, { ...call, deadline });
    } catch (error) {
      throw this.#transportError(error, deadline, call.signal, timeout);
    }
  }

  /** The absolute address of a path of the API. */
  url(path: string, query: Call['query'] = {}): URL {
    const url = new URL(`${this.#base}${path}`);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    return url;
  }

  async #perform<T>(method: string, path: string, call: Call, read: (response: Response) => Promise<T>) {
    const repeatable = call.repeatable ?? method === 'GET';
    const timeout = call.timeout ?? this.#timeout;
    const deadline = AbortSignal.timeout(timeout);
    const signal = call.signal ? AbortSignal.any([call.signal, deadline]) : deadline;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#attempt(method, path, call, signal, read);
      } catch (thrown) {
        const error = this.#transportError(thrown, deadline, call.signal, timeout);
        const again = repeatable && attempt < (call.tries ?? 4) && mayPass(error);
        if (!again) throw error;
        // Spread out, so that many clients do not come back in the same moment.
        const pause = Math.min(3000, 100 * 2 ** attempt) * (0.5 + Math.random() / 2);
        await sleep(pause, signal).catch((reason) => {
          throw this.#transportError(reason, deadline, call.signal, timeout, error);
        });
      }
    }
  }

  async #attempt<T>(
    method: string,
    path: string,
    call: Call,
    signal: AbortSignal,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    const headers = new Headers({ 'X-Auth-Token': this.#token, Accept: 'application/json' });
    const init: RequestInit = { method, headers, redirect: 'manual', signal };
    if (call.body !== undefined) {
      headers.set('Content-Type', 'application/json');
      init.body = JSON.stringify(call.body);
    }
    for (const [name, value] of Object.entries(call.headers ?? {})) headers.set(name, value);
    // Node's fetch takes bytes as they come, and wants to be told that nobody waits for all of them.
    if (call.octets) Object.assign(init, { body: call.octets, duplex: 'half' });
    const response = await fetch(this.url(path, call.query), init);
    if (!response.ok) throw errorFromAnswer(response.status, await response.text());
    return await read(response);
  }

  #transportError(
    thrown: unknown,
    deadline: AbortSignal,
    signal: AbortSignal | undefined,
    timeout: number,
    before?: WadiError,
  ): WadiError {
    if (thrown instanceof WadiError) return thrown;
    if (signal?.aborted) {
      return new WadiError('the call was cancelled', { status: 0, errorName: 'CANCELLED', cause: thrown });
    }
    if (deadline.aborted) {
      const why = before ? `; the last try said: ${before.message}` : '';
      return new WadiError(`no answer from ${this.#base} within ${timeout / 1000} s${why}`, {
        status: 0,
        errorName: before?.errorName ?? 'TIMEOUT',
        retryable: true,
        hint: before?.hint,
        cause: before ?? thrown,
      });
    }
    return new WadiError(`cannot talk to the controller at ${this.#base}: ${reasonOf(thrown)}`, {
      status: 0,
      errorName: 'CONTROLLER_UNREACHABLE',
      retryable: true,
      hint: 'Is it running (`wadi serve`, `npm start`), and is this its address (--url, WADI_URL)?',
      cause: thrown,
    });
  }
}

function mayPass(error: WadiError): boolean {
  return error.errorName === 'CONTROLLER_UNREACHABLE' || error.status === 503 || error.status === 504;
}

function parseAnswer<T>(text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new WadiError('the answer is not JSON; is this address a Wadi controller?', {
      status: 200,
      errorName: 'BAD_ANSWER',
      cause,
    });
  }
}

/** fetch hides the cause one or two levels down; with several addresses it is an AggregateError without text. */
function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  if (thrown.cause !== undefined) return reasonOf(thrown.cause);
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return reasonOf(thrown.errors[0]);
  return thrown.message;
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const abort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    }, milliseconds);
    signal.addEventListener('abort', abort, { once: true });
  });
}
