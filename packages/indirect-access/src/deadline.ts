import { setMaxListeners } from 'node:events';
import { AccessError, type AccessErrorDetails } from './errors.ts';

export interface DeadlineOptions<T> {
  /** Absent: only the caller's signal ends it. */
  readonly milliseconds?: number;
  readonly signal?: AbortSignal | undefined;
  /** The error when time is up. */
  late(): Error;
  /** Where it was cancelled, for the error. */
  readonly at?: Pick<AccessErrorDetails, 'hop' | 'phase'>;
  /** Gives back what `work` yields after nobody waits for it any more. */
  discard?(value: T): void;
}

/** Ends waiting at the deadline or at the caller's abort, whatever `work` does; `work` sees both as its signal. */
export function withDeadline<T>(
  options: DeadlineOptions<T>,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(cancelled(signal, options.at));
    const controller = new AbortController();
    let done = false;
    const finish = () => {
      done = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    const giveUp = (error: Error) => {
      if (done) return;
      finish();
      reject(error);
      controller.abort(error);
    };
    const onAbort = () => giveUp(cancelled(signal, options.at));
    const timer =
      options.milliseconds === undefined
        ? undefined
        : setTimeout(() => giveUp(options.late()), options.milliseconds);
    if (signal) onceAborted(signal, onAbort);
    work(controller.signal).then(
      (value) => {
        if (done) return options.discard?.(value);
        finish();
        resolve(value);
      },
      (error) => {
        if (done) return;
        finish();
        reject(error);
      },
    );
  });
}

/** One signal may end the work on any number of machines: that many listeners are no leak to be warned of. */
export function onceAborted(signal: AbortSignal, listener: () => void): void {
  setMaxListeners(0, signal);
  signal.addEventListener('abort', listener, { once: true });
}

/** An AccessError that aborts a signal is passed on as it is: it knows better why. */
export function cancelled(
  signal?: AbortSignal,
  at: Pick<AccessErrorDetails, 'hop' | 'phase'> = {},
): AccessError {
  if (signal?.reason instanceof AccessError) return signal.reason;
  return new AccessError('cancelled', { code: 'CANCELLED', cause: signal?.reason, ...at });
}
