export interface DoorLimits {
  /** Connections that have not shown who they are. */
  readonly strangers: number;
  readonly strangersPerAddress: number;
  /** All of them. */
  readonly connections: number;
}

export interface Visit {
  /** It is no stranger any more. */
  known(): void;
  leave(): void;
}

/** Who may come in at all. Costs nothing but a few numbers, so that it can be asked before a byte is read. */
export class Doorkeeper {
  readonly #limits: DoorLimits;
  readonly #byAddress = new Map<string, number>();
  #strangers = 0;
  #connections = 0;

  constructor(limits: DoorLimits) {
    this.#limits = limits;
  }

  get strangers(): number {
    return this.#strangers;
  }

  /** undefined: no. */
  enter(address: string): Visit | undefined {
    const { strangers, strangersPerAddress, connections } = this.#limits;
    const same = this.#byAddress.get(address) ?? 0;
    if (this.#strangers >= strangers || same >= strangersPerAddress || this.#connections >= connections)
      return undefined;
    this.#strangers += 1;
    this.#connections += 1;
    this.#byAddress.set(address, same + 1);
    let isStranger = true;
    let left = false;
    const known = () => {
      if (!isStranger) return;
      isStranger = false;
      this.#strangers -= 1;
      const others = (this.#byAddress.get(address) ?? 1) - 1;
      if (others === 0) this.#byAddress.delete(address);
      else this.#byAddress.set(address, others);
    };
    return {
      known,
      leave: () => {
        if (left) return;
        left = true;
        known();
        this.#connections -= 1;
      },
    };
  }
}
