import { cancelled, onceAborted } from './deadline.ts';

interface Ticket {
  readonly groups: readonly string[];
  admit(): void;
}

/** Limits what is in flight, in total and in each of its groups, first come first served within what the limits allow. */
export class Admission {
  readonly #total: number;
  readonly #limitOf: (group: string) => number;
  readonly #running = new Map<string, number>();
  readonly #queue: Ticket[] = [];
  #count = 0;

  constructor(total: number, limitOf: (group: string) => number) {
    this.#total = total;
    this.#limitOf = limitOf;
  }

  get inFlight(): number {
    return this.#count;
  }

  async run<T>(groups: readonly string[], signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#enter(groups, signal);
    try {
      return await work();
    } finally {
      this.#leave(groups);
    }
  }

  #enter(groups: readonly string[], signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(cancelled(signal));
      const onAbort = () => {
        this.#queue.splice(this.#queue.indexOf(ticket), 1);
        reject(cancelled(signal));
      };
      const ticket: Ticket = {
        groups,
        admit: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      onceAborted(signal, onAbort);
      this.#queue.push(ticket);
      this.#admitNext();
    });
  }

  #leave(groups: readonly string[]): void {
    this.#count -= 1;
    for (const group of groups) {
      const running = (this.#running.get(group) ?? 1) - 1;
      if (running === 0) this.#running.delete(group);
      else this.#running.set(group, running);
    }
    this.#admitNext();
  }

  #admitNext(): void {
    for (let index = 0; index < this.#queue.length && this.#count < this.#total; ) {
      const ticket = this.#queue[index] as Ticket;
      if (ticket.groups.some((group) => this.#in(group) >= this.#limitOf(group))) {
        index += 1;
        continue;
      }
      this.#queue.splice(index, 1);
      for (const group of ticket.groups) this.#running.set(group, this.#in(group) + 1);
      this.#count += 1;
      ticket.admit();
    }
  }

  #in(group: string): number {
    return this.#running.get(group) ?? 0;
  }
}
