import type { Limits } from './access-options.ts';
import { cancelled, onceAborted } from './deadline.ts';
import type { SshConnection } from './engine/engine.ts';
import { AccessError } from './errors.ts';
import { PooledConnection } from './pooled-connection.ts';

/**
 * `stream`: a direct-tcpip channel. `session`, `relay`: a channel that MaxSessions counts. `ending`: such a one for a
 * command that ends others, which must not wait for those.
 */
export type ChannelKind = 'stream' | 'session' | 'relay' | 'ending';

/** The right to open one channel on a connection, until it is released. */
export interface Lease {
  readonly connection: PooledConnection;
  /** The server has opened the channel. */
  granted(): void;
  /** Another session on the same connection, if it has one left. */
  beside(): Lease | undefined;
  /** Nobody here wants the channel any more, though the server may keep it. */
  abandon(): void;
  release(): void;
}

interface Ticket {
  readonly kind: ChannelKind;
  grant(lease: Lease): void;
  refuse(error: Error): void;
}

interface GroupEvents {
  /** No connection is left, and nobody waits for one. */
  empty(): void;
  /** Somebody waits and there may be no further connection. */
  starved(): void;
}

const GROWTH_PAUSE = 2_000;

/**
 * The connections of one key: as a rule one, shared by all; a further one only when every session of the others
 * is taken. Callers who come while a handshake is under way wait for that handshake, first come first served; only
 * `ending` goes before all, and where no session is left to a connection kept for it.
 */
export class ConnectionGroup {
  readonly #open: (signal: AbortSignal) => Promise<SshConnection>;
  readonly #limits: Limits;
  readonly #events: GroupEvents;
  readonly #connections = new Set<PooledConnection>();
  readonly #tickets: Ticket[] = [];
  #opening: { readonly controller: AbortController; readonly settled: Promise<void> } | undefined;
  #closed: Error | undefined;
  #sessionLimit: number;
  #growthTimer: NodeJS.Timeout | undefined;

  constructor(open: (signal: AbortSignal) => Promise<SshConnection>, limits: Limits, events: GroupEvents) {
    this.#open = open;
    this.#limits = limits;
    this.#events = events;
    this.#sessionLimit = limits.sessionsPerConnection;
  }

  get connections(): ReadonlySet<PooledConnection> {
    return this.#connections;
  }

  get waiting(): number {
    return this.#tickets.length;
  }

  acquire(kind: ChannelKind, signal?: AbortSignal): Promise<Lease> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(this.#closed);
      if (signal?.aborted) return reject(cancelled(signal));
      const onAbort = () => {
        this.#tickets.splice(this.#tickets.indexOf(ticket), 1);
        reject(cancelled(signal));
        if (this.#tickets.length === 0) this.#opening?.controller.abort(cancelled(signal));
      };
      const ticket: Ticket = {
        kind,
        grant: (lease) => {
          signal?.removeEventListener('abort', onAbort);
          resolve(lease);
        },
        refuse: (error) => {
          signal?.removeEventListener('abort', onAbort);
          reject(error);
        },
      };
      if (signal) onceAborted(signal, onAbort);
      if (kind === 'ending') this.#tickets.unshift(ticket);
      else this.#tickets.push(ticket);
      this.#serve();
    });
  }

  /**
   * The server refused a session although we thought there was room. True: it is worth another try, elsewhere
   * or later. It answers in order, so what it has granted until now is what it allows.
   */
  learnSessionLimit(connection: PooledConnection): boolean {
    if (connection.granted > 0) {
      this.#sessionLimit = Math.min(this.#sessionLimit, connection.granted);
      return true;
    }
    // Others on the way may yet be granted; without any there never was room.
    if (!connection.served) return connection.sessions > 1;
    // Its sessions are held by processes that outlived their channels.
    connection.retire();
    return true;
  }

  /** `grace`: milliseconds that what is open may take to end by itself. */
  async close(error: Error, grace = 0): Promise<void> {
    this.#closed = error;
    clearTimeout(this.#growthTimer);
    for (const ticket of this.#tickets.splice(0)) ticket.refuse(error);
    this.#opening?.controller.abort(error);
    await this.#opening?.settled;
    if (grace > 0) await this.#retireAll(grace);
    await Promise.all([...this.#connections].map(({ ssh }) => ssh.close()));
  }

  /** What is open takes nothing new and is closed with the last that uses it, at once where nobody does. */
  retire(): void {
    for (const connection of this.#connections) connection.retire();
  }

  async #retireAll(grace: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, grace);
    });
    this.retire();
    await Promise.race([late, Promise.all([...this.#connections].map(({ ssh }) => ssh.closed))]);
    clearTimeout(timer);
  }

  #serve(): void {
    let room = true;
    for (let index = 0; index < this.#tickets.length; ) {
      const ticket = this.#tickets[index] as Ticket;
      const connection = this.#choose(ticket.kind);
      if (connection) {
        this.#tickets.splice(index, 1);
        ticket.grant(this.#lease(connection, ticket.kind));
        continue;
      }
      if (room && this.#mayGrow(ticket.kind)) this.#grow(ticket.kind === 'ending');
      else if (room && !this.#opening && !this.#growthTimer) this.#events.starved();
      room = false;
      index += 1;
    }
  }

  #choose(kind: ChannelKind): PooledConnection | undefined {
    let best: PooledConnection | undefined;
    for (const connection of this.#connections) {
      if (!connection.isUsable || (connection.reserved && kind !== 'ending')) continue;
      if (kind !== 'stream' && connection.sessions >= this.#sessionLimit) continue;
      if (!best || connection.sessions < best.sessions) best = connection;
    }
    return best;
  }

  #lease(connection: PooledConnection, kind: ChannelKind): Lease {
    const count = kind === 'stream' ? 'streams' : 'sessions';
    let granted = false;
    let released = false;
    let abandoned = false;
    connection[count] += 1;
    connection.settle();
    return {
      connection,
      granted: () => {
        if (kind === 'stream' || granted || released) return;
        granted = true;
        connection.granted += 1;
        connection.served = true;
      },
      beside: () => {
        if (!connection.ssh.isOpen || connection.sessions >= this.#sessionLimit) return undefined;
        return this.#lease(connection, 'session');
      },
      abandon: () => {
        if (released || abandoned) return;
        abandoned = true;
        connection.abandoned += 1;
        connection.settle();
      },
      release: () => {
        if (released) return;
        released = true;
        if (abandoned) connection.abandoned -= 1;
        connection[count] -= 1;
        if (granted) connection.granted -= 1;
        connection.settle();
        this.#serve();
      },
    };
  }

  #mayGrow(kind: ChannelKind): boolean {
    if (this.#opening || this.#growthTimer || this.#closed) return false;
    const { connectionsPerMachine, relayConnectionsPerProxy } = this.#limits;
    const reserved = [...this.#connections].filter((connection) => connection.reserved);
    if (kind === 'ending') return !reserved.some(({ isUsable }) => isUsable);
    const most = kind === 'relay' ? relayConnectionsPerProxy : connectionsPerMachine;
    return this.#usable === 0 || this.#connections.size - reserved.length < most;
  }

  get #usable(): number {
    return [...this.#connections].filter(({ isUsable, reserved }) => isUsable && !reserved).length;
  }

  #grow(reserved: boolean): void {
    const controller = new AbortController();
    const { signal } = controller;
    const settled = this.#open(signal).then(
      async (ssh) => {
        // It came through just when it was called off.
        if (signal.aborted) await ssh.close();
        this.#opening = undefined;
        if (signal.aborted) this.#growthFailed(cancelled(signal), true);
        else this.#add(ssh, reserved);
      },
      (error) => {
        this.#opening = undefined;
        this.#growthFailed(error, signal.aborted);
      },
    );
    this.#opening = { controller, settled };
  }

  #add(ssh: SshConnection, reserved: boolean): void {
    const connection = new PooledConnection(ssh, this.#limits.idleSeconds * 1000, reserved);
    this.#connections.add(connection);
    ssh.closed.then(() => {
      this.#connections.delete(connection);
      this.#serve();
      this.#checkEmpty();
    });
    this.#serve();
  }

  #growthFailed(error: Error, aborted: boolean): void {
    // Nobody wanted that handshake any more; whoever came since wants another one.
    if (aborted) this.#serve();
    else if (this.#usable === 0) {
      for (const ticket of this.#tickets.splice(0)) ticket.refuse(error);
    } else {
      // There is a connection, only too few sessions: those who wait go on waiting, and the next try is later.
      this.#growthTimer = setTimeout(() => {
        this.#growthTimer = undefined;
        this.#serve();
      }, GROWTH_PAUSE);
    }
    this.#checkEmpty();
  }

  #checkEmpty(): void {
    if (this.#connections.size > 0 || this.#opening || this.#tickets.length > 0) return;
    clearTimeout(this.#growthTimer);
    this.#events.empty();
  }
}

export function closedError(message = 'this IndirectAccess was closed'): AccessError {
  return new AccessError(message, { code: 'CLOSED' });
}
