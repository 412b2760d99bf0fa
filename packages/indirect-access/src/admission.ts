import { cancelled, onceAborted } from './deadline.ts';

interface Ticket {
  readonly group: string;
  admit(): void;
}

/** Limits what is in flight, in total and per group, first come first served within what the limits allow. */
export class Admission {
  readonly #total: number;
  readonly #perGroup: number;
  readonly #running = new Map<string, number>();
  readonly #queue: Ticket[] = [];
  #count = 0;

  constructor(total: number, perGroup: number) {
    this.#total = total;
    this.#perGroup = perGroup;
  }

  get inFlight(): number {
    return this.#count;
  }

  async run<T>(group: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#enter(group, signal);
    try {
      return await work();
    } finally {
      this.#leave(group);
    }
  }

  #enter(group: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(cancelled(signal));
      const onAbort = () => {
        this.#queue.splice(this.#queue.indexOf(ticket), 1);
        reject(cancelled(signal));
      };
      const ticket: Ticket = {
        group,
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

  #leave(group: string): void {
    this.#count -= 1;
    const running = (this.#running.get(group) ?? 1) - 1;
    if (running === 0) this.#running.delete(group);
    else this.#running.set(group, running);
    this.#admitNext();
  }

  #admitNext(): void {
    for (let index = 0; index < this.#queue.length && this.#count < this.#total; ) {
      const ticket = this.#queue[index] as Ticket;
      const running = this.#running.get(ticket.group) ?? 0;
      if (running >= this.#perGroup) {
        index += 1;
        continue;
      }
      this.#queue.splice(index, 1);
      this.#running.set(ticket.group, running + 1);
      this.#count += 1;
      ticket.admit();
    }
  }
}
