/** Milliseconds by which a tick must be younger than the fault: what was under way when it began does not count. */
const margin = 100;
/** What is taken for the age of a tick that does not say when it was printed. */
const guessedAge = 200;

/**
 * Tells when a command's output came through again. A tick carries the machine's uptime, so that one that was printed
 * before the fault and came late is not mistaken for one that took another path.
 */
export class TickClock {
  /** Ours minus the machine's: no tick arrives before it is printed, so the least that was seen is nearest. */
  #skew = Number.POSITIVE_INFINITY;
  #inForce: number | undefined;
  #through: number | undefined;

  /** Nothing printed later can have come by the path that is blocked since. */
  watch(inForce: number): void {
    this.#inForce = inForce;
    this.#through = undefined;
  }

  /** When the first tick arrived that was printed after the fault was in force. */
  get through(): number | undefined {
    return this.#through;
  }

  tick(uptimeSeconds: number | undefined, arrived: number): void {
    const printed = this.#printedAt(uptimeSeconds, arrived);
    if (this.#inForce === undefined || this.#through !== undefined) return;
    if (printed - margin > this.#inForce) this.#through = arrived;
  }

  #printedAt(uptimeSeconds: number | undefined, arrived: number): number {
    if (uptimeSeconds === undefined) return arrived - guessedAge;
    const machine = uptimeSeconds * 1000;
    this.#skew = Math.min(this.#skew, arrived - machine);
    return machine + this.#skew;
  }
}
