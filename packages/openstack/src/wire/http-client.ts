import type { Readable } from 'node:stream';
import { Agent, buildConnector, DecoratorHandler, type Dispatcher, request } from 'undici';
import { Deadline, orAborted } from './deadline.ts';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
export type Headers = Readonly<Record<string, string>>;

export interface Attempt {
  readonly method: Method;
  readonly url: URL;
  readonly headers: Headers;
  readonly body?: string | Readable | undefined;
  /** Over a connection of its own. */
  readonly fresh: boolean;
  /** Milliseconds for all of it, connecting and the last byte of the answer included. */
  readonly deadline: number;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  /** Of several of a name, the first. */
  header(name: string): string | undefined;
  readonly text: string;
}

export type WireFailureKind =
  | 'unreachable'
  | 'certificate'
  | 'lost'
  | 'timeout'
  | 'cancelled'
  | 'too-long'
  | 'closed';

/** No answer, or not all of it. */
export class WireFailure extends Error {
  override readonly name = 'WireFailure';
  readonly kind: WireFailureKind;
  /** False: not a byte of the request has left. */
  readonly sent: boolean;

  constructor(kind: WireFailureKind, sent: boolean, message: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
    this.sent = sent;
  }
}

export interface HttpClientOptions {
  /** PEM texts of the authorities to trust in place of the system's. */
  readonly ca: string | null;
  /** Milliseconds for TCP and TLS together. */
  readonly connectDeadline: number;
}

/** Connections per origin. */
const connections = 32;
/** Of an answer. */
const mostBytes = 32 * 1024 * 1024;

/**
 * Sends a request once. What may not be repeated has to ask for a fresh connection: of one that was kept, nobody can tell
 * whether the server closed it before or after it read what came.
 */
export class HttpClient {
  readonly #kept: Agent;
  readonly #fresh: Agent;
  #closed = false;

  constructor(options: HttpClientOptions) {
    const connect = connector(options);
    // Deadlines are ours: undici's are per pause, so that a byte now and then would hold them off.
    const common = { connect, connections, headersTimeout: 0, bodyTimeout: 0 };
    this.#kept = new Agent(common);
    this.#fresh = new Agent({ ...common, pipelining: 0 });
  }

  async send(attempt: Attempt): Promise<Answer> {
    const deadline = new Deadline(attempt.deadline, attempt.signal);
    let sent = false;
    try {
      const agent = attempt.fresh ? this.#fresh : this.#kept;
      const dispatcher = agent.compose(watchStart(() => (sent = true)));
      return await orAborted(exchange(attempt, dispatcher, deadline.signal), deadline.signal);
    } catch (error) {
      throw this.#failure(error, attempt, deadline, sent);
    } finally {
      deadline.release();
    }
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([this.#kept.destroy(), this.#fresh.destroy()]);
  }

  #failure(error: unknown, attempt: Attempt, deadline: Deadline, sent: boolean): WireFailure {
    if (error instanceof WireFailure) return error;
    if (attempt.signal.aborted) return new WireFailure('cancelled', sent, 'it was cancelled', error);
    if (deadline.expired)
      return new WireFailure('timeout', sent, `no complete answer within ${attempt.deadline / 1000} s`);
    if (this.#closed) return new WireFailure('closed', sent, 'this client was closed');
    if (error instanceof NotConnected) {
      const { code, message } = error.reason;
      if (isCertificateProblem(code))
        return new WireFailure('certificate', false, `its certificate is refused: ${message}`, error.reason);
      return new WireFailure('unreachable', false, `no connection: ${code ?? message}`, error.reason);
    }
    const { code } = error as { code?: string };
    return new WireFailure('lost', sent, `the connection broke${code ? ` (${code})` : ''}`, error);
  }
}

async function exchange(attempt: Attempt, dispatcher: Dispatcher, signal: AbortSignal): Promise<Answer> {
  const { method, url, headers, body = null } = attempt;
  const {
    statusCode,
    headers: answered,
    body: stream,
  } = await request(url, { dispatcher, method, headers, body, signal });
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > mostBytes) throw new WireFailure('too-long', true, 'its answer is longer than 32 MiB');
    pieces.push(piece);
  }
  return {
    status: statusCode,
    text: Buffer.concat(pieces).toString('utf8'),
    header: (name) => {
      const value = answered[name];
      return Array.isArray(value) ? value[0] : value;
    },
  };
}

/** Its types do not tell that it passes everything on. */
const Decorator = DecoratorHandler as unknown as new (
  handler: Dispatcher.DispatchHandler,
) => Dispatcher.DispatchHandler;

/** undici starts a request when it is about to write it. */
function watchStart(started: () => void): Dispatcher.DispatcherComposeInterceptor {
  class Watch extends Decorator {
    override onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
      started();
      super.onRequestStart?.(controller, context);
    }
  }
  return (dispatch) => (options, handler) => dispatch(options, new Watch(handler));
}

/** What the connector throws, so that it cannot be taken for the end of a connection that was there. */
class NotConnected extends Error {
  readonly code = 'NOT_CONNECTED';
  readonly reason: NodeJS.ErrnoException;

  constructor(reason: NodeJS.ErrnoException) {
    super('not connected');
    this.reason = reason;
  }
}

function connector({ ca, connectDeadline }: HttpClientOptions): buildConnector.connector {
  const trust = ca === null ? {} : { ca };
  // NODE_TLS_REJECT_UNAUTHORIZED must not decide this.
  const connect = buildConnector({ timeout: connectDeadline, rejectUnauthorized: true, ...trust });
  return (target, done) =>
    connect(target, (...[error, socket]) => {
      if (error) done(new NotConnected(error), null);
      else done(null, socket);
    });
}

function isCertificateProblem(code: string | undefined): boolean {
  return /CERT|UNABLE_TO_|^ERR_TLS_|^INVALID_(CA|PURPOSE)|^HOSTNAME_MISMATCH/.test(code ?? '');
}
