/** Milliseconds; a timer with more ends at once. */
const longest = 2 ** 31 - 1;

/** Ends by itself or with whoever asked, whichever is first. Not AbortSignal.any, which keeps what is long over. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #parent: AbortSignal | undefined;
  readonly #until: number;
  #expired = false;

  /** Milliseconds. */
  constructor(duration: number, parent?: AbortSignal) {
    this.#until = performance.now() + duration;
    this.#parent = parent;
    this.#timer = setTimeout(
      () => {
        this.#expired = true;
        this.#controller.abort(new Error('the deadline is over'));
      },
      Math.min(duration, longest),
    );
    if (parent?.aborted) this.#cancel();
    else parent?.addEventListener('abort', this.#cancel, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** By time, not by whoever asked. */
  get expired(): boolean {
    return this.#expired;
  }

  /** Milliseconds. */
  get left(): number {
    return this.#until - performance.now();
  }

  /** It has served; always to be called. */
  release(): void {
    clearTimeout(this.#timer);
    this.#parent?.removeEventListener('abort', this.#cancel);
  }

  readonly #cancel = () => this.#controller.abort(this.#parent?.reason);
}

/** Resolves as the work does, or rejects with the signal's reason at once. */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => undefined);
  signal.throwIfAborted();
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  return await Promise.race([work, aborted]).finally(() => signal.removeEventListener('abort', stop));
}
