/**
 * Milliseconds in which balancers, which look every second, have found out; and without a request, after which nobody sends
 * any here.
 */
const noticed = 2000;
const quiet = 2000;
/** Milliseconds between looks. */
const interval = 100;

/**
 * The time before a controller stops, in which it says that it will, and serves whoever comes all the same: until balancers
 * have found another one, and what is open has ended.
 */
export class Drain {
  readonly #left = new AbortController();
  #begun = false;
  #open = 0;
  #last = 0;

  get begun(): boolean {
    return this.#begun;
  }

  /** Aborted when balancers send their requests elsewhere: who waits for news does better to ask again, and is answered. */
  get left(): AbortSignal {
    return this.#left.signal;
  }

  /** A request has come in. Call what it returns when it is over. */
  enter(): () => void {
    this.#open += 1;
    return () => {
      this.#open -= 1;
      this.#last = performance.now();
    };
  }

  /**
   * Begins, and resolves when no request was open for two seconds, after `most` milliseconds, or when `signal` is aborted.
   */
  async run(most: number, signal: AbortSignal): Promise<void> {
    this.#begun = true;
    this.#last = performance.now();
    const begin = this.#last;
    await new Promise<void>((resolve) => {
      const look = () => {
        const now = performance.now();
        if (now - begin >= noticed) this.#left.abort();
        const isOver = now - begin >= most || (this.#open === 0 && now - this.#last >= quiet);
        if (!isOver && !signal.aborted) return;
        clearInterval(timer);
        resolve();
      };
      const timer = setInterval(look, interval);
      look();
    });
  }
}
