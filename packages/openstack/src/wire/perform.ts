import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { OpenStackError } from '../errors.ts';
import { pauseAfter } from './back-off.ts';
import { type Call, type CallLimits, defaultLimits, mayRepeat, type Tokens } from './call.ts';
import { answerError, isOfService, isPassing, wasNotBegun, wireError } from './call-error.ts';
import { Deadline, orAborted } from './deadline.ts';
import { type Answer, type Headers, type HttpClient, WireFailure } from './http-client.ts';
import { parseRetryAfter } from './retry-after.ts';

export interface Performed {
  readonly answer: Answer;
  readonly attempts: number;
  /** The token too, so that no later error quotes it. */
  readonly secrets: readonly string[];
}

export interface Wire {
  readonly http: HttpClient;
  /** Null: the call is what gets a token. */
  readonly tokens: Tokens | null;
  readonly limits?: Partial<CallLimits> | undefined;
}

/** Sends a call, logs in again once when the token is refused, and repeats what may be repeated. Throws OpenStackError. */
export async function perform(call: Call, wire: Wire): Promise<Performed> {
  const limits = { ...defaultLimits, ...wire.limits, ...call.limits };
  const deadline = new Deadline(limits.deadline, call.signal);
  try {
    return await new Performance(call, wire, limits, deadline).run();
  } finally {
    deadline.release();
  }
}

class Performance {
  readonly #call: Call;
  readonly #wire: Wire;
  readonly #limits: CallLimits;
  readonly #deadline: Deadline;
  readonly #secrets: string[];
  #attempts = 0;
  #renewed = false;

  constructor(call: Call, wire: Wire, limits: CallLimits, deadline: Deadline) {
    this.#call = call;
    this.#wire = wire;
    this.#limits = limits;
    this.#deadline = deadline;
    this.#secrets = [...(call.secrets ?? [])];
  }

  async run(): Promise<Performed> {
    let token = await this.#token((tokens) => tokens.current());
    for (;;) {
      const answer = await this.#attempt(token);
      if (answer === null) continue;
      if (answer.status === 401 && token !== null && !this.#renewed) {
        // A service that refuses a token has done nothing, so this is safe for every method.
        this.#renewed = true;
        const refused = token;
        token = await this.#token((tokens) => tokens.renew(refused));
        continue;
      }
      if (this.#isFine(answer)) return { answer, attempts: this.#attempts, secrets: this.#secrets };
      await this.#pauseAfterAnswer(answer);
    }
  }

  /** Null: it failed in a way that lets it be tried again, and the pause before that is over. */
  async #attempt(token: string | null): Promise<Answer | null> {
    const { method, url, headers, body, signal } = this.#call;
    this.#attempts += 1;
    const open = typeof body === 'function' ? (body as () => Readable) : null;
    const text = open || body === undefined ? undefined : JSON.stringify(body);
    const all: Headers = {
      accept: 'application/json',
      ...(text === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
      ...(token === null ? {} : { 'x-auth-token': token }),
    };
    try {
      return await this.#wire.http.send({
        method,
        url,
        headers: all,
        body: open ? this.#open(open) : text,
        fresh: open !== null || !mayRepeat(this.#call),
        deadline: this.#limits.attemptDeadline,
        signal: this.#deadline.signal,
      });
    } catch (error) {
      if (error instanceof OpenStackError) throw error;
      const failure =
        error instanceof WireFailure ? error : new WireFailure('lost', true, 'it failed', error);
      const over = failure.kind === 'cancelled' && !signal?.aborted;
      await this.#pauseAfterFailure(over ? this.#tooLate(failure) : failure);
      return null;
    }
  }

  #open(body: () => Readable): Readable {
    try {
      return body();
    } catch (cause) {
      throw new OpenStackError(`${this.#call.service}: what is to be sent cannot be opened`, {
        code: 'INVALID_ARGUMENT',
        service: this.#call.service,
        cause,
      });
    }
  }

  #tooLate({ sent }: WireFailure): WireFailure {
    return new WireFailure(
      'timeout',
      sent,
      `not done within ${Math.ceil(this.#limits.deadline / 100) / 10} s`,
    );
  }

  async #pauseAfterFailure(failure: WireFailure): Promise<void> {
    const passing = ['unreachable', 'lost', 'timeout'].includes(failure.kind);
    const error = wireError(this.#call, failure, this.#attempts);
    if (!passing || (failure.sent && !mayRepeat(this.#call))) throw error;
    await this.#pause(null, error);
  }

  async #pauseAfterAnswer(answer: Answer): Promise<void> {
    const asked = parseRetryAfter(answer.header('retry-after'), answer.header('date'), Date.now());
    const details = { attempts: this.#attempts, secrets: this.#secrets, asked };
    const error = answerError(this.#call, answer, details);
    const again = wasNotBegun(answer) || (isPassing(answer.status) && mayRepeat(this.#call));
    if (!again) throw error;
    await this.#pause(asked, error);
  }

  /** Or throws, where there is no time or no attempt left. */
  async #pause(asked: number | null, error: OpenStackError): Promise<void> {
    if (this.#attempts >= this.#limits.mostAttempts) throw error;
    const pause = pauseAfter(this.#attempts, asked, this.#limits, Math.random);
    if (pause >= this.#deadline.left) throw error;
    try {
      await sleep(pause, undefined, { signal: this.#deadline.signal });
    } catch {
      throw this.#call.signal?.aborted ? this.#cancelled() : error;
    }
  }

  #isFine(answer: Answer): boolean {
    const { status } = answer;
    if (status >= 200 && status < 300) return true;
    if (status === 404 && !isOfService(answer)) return false;
    // The first attempt had come through, only its answer had not.
    const wasDeleted = this.#call.method === 'DELETE' && status === 404 && this.#attempts > 1;
    return wasDeleted || (this.#call.accept?.includes(status) ?? false);
  }

  async #token(get: (tokens: Tokens) => Promise<string>): Promise<string | null> {
    const { tokens } = this.#wire;
    if (!tokens) return null;
    const { signal } = this.#deadline;
    try {
      const token = await orAborted(get(tokens), signal);
      this.#secrets.push(token);
      return token;
    } catch (error) {
      if (error instanceof OpenStackError) throw error;
      throw this.#call.signal?.aborted
        ? this.#cancelled()
        : wireError(this.#call, this.#tooLate(new WireFailure('timeout', false, '')), this.#attempts);
    }
  }

  #cancelled(): OpenStackError {
    // Between attempts: what was sent before has failed in a way that left nothing open, or may be repeated anyway.
    const failure = new WireFailure('cancelled', false, 'it was cancelled', this.#call.signal?.reason);
    return wireError(this.#call, failure, this.#attempts);
  }
}
