/**
 * A machine's uptime in our time, never too late: what it prints first in answer to us was not printed before we asked.
 */
export class MachineClock {
  /** Milliseconds to add; the shortest answer is nearest to the truth. */
  #least = Number.NEGATIVE_INFINITY;

  answered(uptimeSeconds: number, asked: number): void {
    this.#least = Math.max(this.#least, asked - uptimeSeconds * 1000);
  }

  /** It was printed then, or later. */
  earliest(uptimeSeconds: number): number {
    return uptimeSeconds * 1000 + this.#least;
  }
}
