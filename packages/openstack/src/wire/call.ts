import type { Readable } from 'node:stream';
import type { BackOff } from './back-off.ts';
import type { Headers, Method } from './http-client.ts';

/** One request as it is meant, however many attempts it takes. */
export interface Call {
  /** For errors: `compute`, `identity`, … */
  readonly service: string;
  readonly method: Method;
  readonly url: URL;
  readonly headers?: Headers | undefined;
  /** A function is asked anew for each attempt; what it gives is sent as it is. */
  readonly body?: object | (() => Readable) | undefined;
  /** That are in the body and must not be in an error. */
  readonly secrets?: readonly string[] | undefined;
  /**
   * `always`: doing it twice is as doing it once. `if-unsent`: only where nothing can have been done. Default: by the
   * method; POST and PATCH are not repeated.
   */
  readonly repeat?: 'always' | 'if-unsent' | undefined;
  /** Answers that are no errors, besides 2xx. */
  readonly accept?: readonly number[] | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly limits?: Partial<CallLimits> | undefined;
}

/** Of every call. */
export interface CallOptions {
  /** Ends the call, whatever it is doing. */
  readonly signal?: AbortSignal | undefined;
  readonly limits?: Partial<CallLimits> | undefined;
}

export interface CallLimits extends BackOff {
  /** Milliseconds for one attempt, connecting and reading its answer included. */
  readonly attemptDeadline: number;
  /** Milliseconds for all attempts, with logins and pauses. */
  readonly deadline: number;
  readonly mostAttempts: number;
}

export const defaultLimits: CallLimits = {
  attemptDeadline: 30_000,
  deadline: 120_000,
  mostAttempts: 5,
  firstPause: 1000,
  longestPause: 20_000,
};

export function mayRepeat(call: Call): boolean {
  return (call.repeat ?? (['POST', 'PATCH'].includes(call.method) ? 'if-unsent' : 'always')) === 'always';
}

/** Where the token of a call comes from. Whoever gives up waiting leaves a login to the others. */
export interface Tokens {
  current(): Promise<string>;
  /** After this one was refused. */
  renew(refused: string): Promise<string>;
}
