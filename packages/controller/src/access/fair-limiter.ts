/**
 * Lets at most so many pieces of work be under way, and of one party at most a share of them. Who waits is served in
 * turns, a party each, so that one with a thousand pieces does not keep one with a single piece waiting.
 */
export class FairLimiter {
  readonly #most: number;
  readonly #mostOfOne: number;
  readonly #running = new Map<string, number>();
  readonly #waiting = new Map<string, (() => void)[]>();
  #total = 0;

  constructor(most: number, mostOfOne: number) {
    this.#most = most;
    this.#mostOfOne = mostOfOne;
  }

  async run<T>(party: string, work: () => Promise<T>): Promise<T> {
    if (this.#hasRoomFor(party) && !this.#waiting.has(party)) this.#take(party);
    else await this.#wait(party);
    try {
      return await work();
    } finally {
      this.#leave(party);
    }
  }

  #hasRoomFor(party: string): boolean {
    return this.#total < this.#most && (this.#running.get(party) ?? 0) < this.#mostOfOne;
  }

  #take(party: string): void {
    this.#total += 1;
    this.#running.set(party, (this.#running.get(party) ?? 0) + 1);
  }

  #wait(party: string): Promise<void> {
    return new Promise((resolve) => {
      const queue = this.#waiting.get(party);
      if (queue) queue.push(resolve);
      else this.#waiting.set(party, [resolve]);
    });
  }

  #leave(party: string): void {
    this.#total -= 1;
    const left = (this.#running.get(party) ?? 1) - 1;
    if (left === 0) this.#running.delete(party);
    else this.#running.set(party, left);
    for (const [next, queue] of this.#waiting) {
      if (!this.#hasRoomFor(next)) continue;
      // The place is taken for it here: nobody can slip past those who wait.
      this.#take(next);
      queue.shift()?.();
      this.#waiting.delete(next);
      if (queue.length > 0) this.#waiting.set(next, queue);
      return;
    }
  }
}
