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

interface Stranger extends Visit {
  turnAway(): void;
}

/**
 * Who may come in at all. Costs nothing but a few numbers, so that it can be asked before a byte is read. A few addresses
 * that fill the room of the strangers do not keep others out: whoever has waited longest of the address with the most
 * makes room for an address with fewer.
 */
export class Doorkeeper {
  readonly #limits: DoorLimits;
  /** In order of their coming. */
  readonly #strangers = new Map<string, Set<Stranger>>();
  #count = 0;
  #connections = 0;

  constructor(limits: DoorLimits) {
    this.#limits = limits;
  }

  get strangers(): number {
    return this.#count;
  }

  /** undefined: no. `turnAway` ends the connection, when others need its place while it is a stranger. */
  enter(address: string, turnAway: () => void): Visit | undefined {
    const { strangers, strangersPerAddress, connections } = this.#limits;
    const same = this.#strangers.get(address)?.size ?? 0;
    if (same >= strangersPerAddress) return undefined;
    const isFull = this.#count >= strangers || this.#connections >= connections;
    if (isFull && !this.#makeRoom(same)) return undefined;
    this.#connections += 1;
    let left = false;
    const stranger: Stranger = {
      turnAway,
      known: () => this.#forget(address, stranger),
      leave: () => {
        if (left) return;
        left = true;
        this.#forget(address, stranger);
        this.#connections -= 1;
      },
    };
    this.#count += 1;
    this.#strangers.set(address, (this.#strangers.get(address) ?? new Set()).add(stranger));
    return stranger;
  }

  /** False: no address has more than one above those that the newcomer's has. */
  #makeRoom(same: number): boolean {
    let largest: ReadonlySet<Stranger> = new Set();
    for (const each of this.#strangers.values()) if (each.size > largest.size) largest = each;
    const [oldest] = largest;
    if (!oldest || largest.size <= same + 1) return false;
    oldest.leave();
    oldest.turnAway();
    return true;
  }

  #forget(address: string, stranger: Stranger): void {
    const its = this.#strangers.get(address);
    if (!its?.delete(stranger)) return;
    this.#count -= 1;
    if (its.size === 0) this.#strangers.delete(address);
  }
}
