import type { Logger } from 'pino';

/** Undoes what the start has done, last first, each part in limited time. */
export class Shutdown {
  readonly #parts: { name: string; milliseconds: number; close: () => Promise<void> | void }[] = [];
  readonly #stopping = new AbortController();
  #running: Promise<void> | null = null;

  /** Aborted when the end begins. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  announce(): void {
    this.#stopping.abort();
  }

  /** Called as soon as the thing exists, even when what follows fails. */
  add(name: string, milliseconds: number, close: () => Promise<void> | void): void {
    this.#parts.push({ name, milliseconds, close });
  }

  run(log: Logger | null): Promise<void> {
    this.#running ??= this.#run(log);
    return this.#running;
  }

  async #run(log: Logger | null): Promise<void> {
    this.announce();
    for (let part = this.#parts.pop(); part; part = this.#parts.pop()) {
      const { name, milliseconds, close } = part;
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`not closed within ${milliseconds} ms`)), milliseconds);
      });
      try {
        await Promise.race([Promise.resolve(close()), late]);
      } catch (error) {
        log?.error({ err: error, part: name }, 'closing failed; going on with the rest');
      } finally {
        clearTimeout(timer);
      }
    }
  }
}
