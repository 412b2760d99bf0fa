import type { MachineClock } from './machine-clock.ts';

/** Milliseconds; how long a tick that does not say when it was printed may have been under way. */
const guessedAge = 1000;

interface Tick {
  readonly uptime: number | undefined;
  readonly arrived: number;
}

/**
 * Tells when a command's output came through again. A tick carries the machine's uptime, so that one that was printed
 * before the fault and came late is not mistaken for one that took another path.
 */
export class TickClock {
  readonly #machine: MachineClock;
  readonly #asked: number;
  readonly #since: Tick[] = [];
  #any = false;
  #inForce: number | undefined;

  /** @param asked when the command was given away */
  constructor(machine: MachineClock, asked: number) {
    this.#machine = machine;
    this.#asked = asked;
  }

  /** Nothing printed later can have come by the path that is blocked since. */
  watch(inForce: number): void {
    this.#inForce = inForce;
  }

  /**
   * When the first tick arrived that was printed after the fault was in force. To be asked at the end: the more commands
   * a machine has answered, the better its clock is known.
   */
  get through(): number | undefined {
    const { arrived } = this.#since.find((tick) => this.#printed(tick) > (this.#inForce ?? 0)) ?? {};
    return arrived;
  }

  tick(uptime: number | undefined, arrived: number): void {
    if (uptime !== undefined && !this.#any) this.#machine.answered(uptime, this.#asked);
    this.#any = true;
    if (this.#inForce !== undefined) this.#since.push({ uptime, arrived });
  }

  #printed({ uptime, arrived }: Tick): number {
    return uptime === undefined ? arrived - guessedAge : this.#machine.earliest(uptime);
  }
}
