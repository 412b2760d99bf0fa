import type { Carrier, ErrandEnd } from './carrier.ts';
import { LineCheck } from './line-check.ts';
import type { LoadCommand } from './load-plan.ts';
import { uptimeOf } from './load-script.ts';
import type { MachineClock } from './machine-clock.ts';
import { TickClock } from './tick-clock.ts';

/** A command of the load that was given to the carrier, and what is seen of it. */
export class LoadedCommand {
  readonly command: LoadCommand;
  readonly clock: TickClock;
  readonly #check: LineCheck;
  readonly #ended: Promise<ErrandEnd>;
  readonly #begun: Promise<unknown>;
  #end: ErrandEnd = { succeeded: false, why: 'it did not end' };

  constructor(command: LoadCommand, carrier: Carrier, uptime: MachineClock, signal: AbortSignal) {
    this.command = command;
    this.clock = new TickClock(uptime, performance.now());
    let arrived = 0;
    let first = () => {};
    const seen = new Promise<void>((resolve) => {
      first = resolve;
    });
    const says = command.lines.rest === undefined;
    this.#check = new LineCheck(command.lines, (line) => {
      if (says) this.clock.tick(uptimeOf(line), arrived);
    });
    const { id, machine, argv } = command;
    const onOutput = (bytes: Uint8Array) => {
      arrived = performance.now();
      this.#check.add(bytes);
      first();
    };
    const errand = { id, machine, argv, outputBytes: this.#check.bytes, onOutput, signal };
    this.#ended = carrier.carry(errand).then((end) => {
      this.#end = end;
      return end;
    });
    this.#begun = Promise.race([seen, this.#ended]);
  }

  /** Its first output is here, or there will be none. */
  get begun(): Promise<unknown> {
    return this.#begun;
  }

  get ended(): Promise<ErrandEnd> {
    return this.#ended;
  }

  get result() {
    return { ...this.command, ...this.#end, ...this.#check.result };
  }
}
