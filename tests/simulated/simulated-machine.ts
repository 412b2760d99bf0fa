import type { Duplex } from 'node:stream';
import type { SimulatedConnection } from './simulated-connection.ts';

export interface SimulatedLimits {
  /** Handshakes under way above which sshd drops the next one. */
  readonly maxStartups: number;
  /** Sessions on one connection above which it refuses the next one. */
  readonly maxSessions: number;
}

/** `frozen`: packets to it and its own are lost, as with a firewall that drops them, until it is up again. */
export type SimulatedState = 'up' | 'frozen' | 'dead';

/** A machine with an sshd, in memory. It keeps to sshd's limits, and counts what was asked of it beyond them. */
export class SimulatedMachine {
  readonly name: string;
  /** In the private network. */
  readonly address: string;
  readonly limits: SimulatedLimits;
  readonly hostKey: { readonly type: string; readonly blob: Buffer };
  readonly connections = new Set<SimulatedConnection>();
  /** What listens besides sshd: by port, given the far end of each stream. */
  readonly servers = new Map<number, (stream: Duplex) => void>();
  /** How often each command that names itself `op-N` was started. */
  readonly started = new Map<string, number>();
  /** Milliseconds, of each handshake that began here. */
  readonly handshakes: number[] = [];
  /** Handshakes under way here, and with machines behind it; and the most there ever were. */
  startups = 0;
  startupsThrough = 0;
  mostStartupsThrough = 0;
  /** Handshakes and sessions that sshd refused. */
  droppedStartups = 0;
  refusedSessions = 0;
  #state: SimulatedState = 'up';
  #changed: (() => void)[] = [];

  constructor(name: string, address: string, limits: SimulatedLimits) {
    this.name = name;
    this.address = address;
    this.limits = limits;
    const type = 'ssh-ed25519';
    const head = Buffer.from([0, 0, 0, type.length]);
    this.hostKey = { type, blob: Buffer.concat([head, Buffer.from(type), Buffer.from(`key of ${name}`)]) };
  }

  get state(): SimulatedState {
    return this.#state;
  }

  /** As it stands in known_hosts. */
  get publicKey(): string {
    return `${this.hostKey.type} ${this.hostKey.blob.toString('base64')}`;
  }

  set(state: SimulatedState): void {
    this.#state = state;
    for (const tell of this.#changed.splice(0)) tell();
    if (state === 'dead')
      for (const connection of [...this.connections]) connection.break('the peer closed it');
    if (state === 'frozen') for (const connection of this.connections) connection.startWaiting();
  }

  /** Resolves at the next change of its state. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#changed.push(resolve));
  }

  beginStartup(through: SimulatedMachine | undefined): boolean {
    if (this.startups >= this.limits.maxStartups) {
      this.droppedStartups += 1;
      return false;
    }
    this.startups += 1;
    this.handshakes.push(performance.now());
    if (through) {
      through.startupsThrough += 1;
      through.mostStartupsThrough = Math.max(through.mostStartupsThrough, through.startupsThrough);
    }
    return true;
  }

  endStartup(through: SimulatedMachine | undefined): void {
    this.startups -= 1;
    if (through) through.startupsThrough -= 1;
  }
}
