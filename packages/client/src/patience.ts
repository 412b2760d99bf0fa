import { WadiError } from './wadi-error.ts';

export interface PatienceOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds. */
  readonly patience?: number | undefined;
}

const longestPause = 3_000;

/** For work that goes on after a loss: how long there may be none at a stretch. */
export class Patience {
  readonly #signal: AbortSignal | undefined;
  readonly #milliseconds: number;
  #since: number | undefined;
  #losses = 0;

  constructor({ signal, patience = 120_000 }: PatienceOptions) {
    this.#signal = signal;
    this.#milliseconds = patience;
  }

  /** It goes on. */
  restore(): void {
    this.#since = undefined;
    this.#losses = 0;
  }

  /** Does it again until it is done. */
  async keep<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      return await this.afterLoss(error, work);
    }
  }

  /** Looks what is left after an error that may pass; throws one that may not, or that has lasted too long. */
  async afterLoss<T>(thrown: unknown, look: () => Promise<T>): Promise<T> {
    let error = thrown;
    for (;;) {
      if (this.#signal?.aborted) throw cancelled(error);
      this.#since ??= performance.now();
      if (!mayPass(error) || performance.now() - this.#since > this.#milliseconds) throw error;
      this.#losses += 1;
      // Spread out, so that many clients do not come back in the same moment. The first goes on at once.
      const most = this.#losses === 1 ? 50 : Math.min(longestPause, 100 * 2 ** this.#losses);
      await pause(most * (0.5 + Math.random() / 2), this.#signal);
      try {
        return await look();
      } catch (next) {
        error = next;
      }
    }
  }
}

/** No answer, half of one, or one that says so. */
function mayPass(error: unknown): boolean {
  if (!(error instanceof WadiError)) return error instanceof TypeError;
  if (error.errorName === 'CANCELLED') return false;
  if (error.errorName === 'FILE_CHANGED') return false;
  return [0, 502, 503, 504].includes(error.status) || error.retryable;
}

function cancelled(cause: unknown): WadiError {
  return new WadiError('the transfer was cancelled', { status: 0, errorName: 'CANCELLED', cause });
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener('abort', done, { once: true });
  });
}
