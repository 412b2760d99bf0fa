import type { MachineClock } from './machine-clock.ts';

/** Milliseconds; how long a tick that does not say when it was printed may have been under way. */
const guessedAge = 1000;

/**
 * Tells when a command's output came through again. A tick carries the machine's uptime, so that one that was printed
 * before the fault and came late is not mistaken for one that took another path.
 */
export class TickClock {
  readonly #machine: MachineClock;
  readonly #asked: number;
  #any = false;
  #inForce: number | undefined;
  #through: number | undefined;

  /** @param asked when the command was given away */
  constructor(machine: MachineClock, asked: number) {
    this.#machine = machine;
    this.#asked = asked;
  }

  /** Nothing printed later can come by the path that is blocked since. */
  watch(inForce: number): void {
    this.#inForce = inForce;
  }

  /** When the first tick arrived that was printed after the fault was in force. */
  get through(): number | undefined {
    return this.#through;
  }

  tick(uptimeSeconds: number | undefined, arrived: number): void {
    if (uptimeSeconds !== undefined && !this.#any) this.#machine.answered(uptimeSeconds, this.#asked);
    this.#any = true;
    if (this.#inForce === undefined || this.#through !== undefined) return;
    const printed =
      uptimeSeconds === undefined ? arrived - guessedAge : this.#machine.earliest(uptimeSeconds);
    if (printed > this.#inForce) this.#through = arrived;
  }
}
