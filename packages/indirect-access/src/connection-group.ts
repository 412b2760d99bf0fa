import type { Limits } from './access-options.ts';
import { cancelled } from './deadline.ts';
import type { SshConnection } from './engine/engine.ts';
import { AccessError } from './errors.ts';
import { PooledConnection } from './pooled-connection.ts';

/** `stream`: a direct-tcpip channel. `session`, `relay`: a channel that MaxSessions counts. */
export type ChannelKind = 'stream' | 'session' | 'relay';

/** The right to open one channel on a connection, until it is released. */
export interface Lease {
  readonly connection: PooledConnection;
  release(): void;
}

interface Ticket {
  readonly kind: ChannelKind;
  grant(lease: Lease): void;
  refuse(error: Error): void;
}

const GROWTH_PAUSE = 2_000;

/**
 * The connections of one key: as a rule one, shared by all; a further one only when every session of the others
 * is taken. Callers who come while a handshake is under way wait for that handshake, first come first served.
 */
export class ConnectionGroup {
  readonly #open: (signal: AbortSignal) => Promise<SshConnection>;
  readonly #limits: Limits;
  readonly #onEmpty: () => void;
  readonly #connections = new Set<PooledConnection>();
  readonly #tickets: Ticket[] = [];
  #opening: AbortController | undefined;
  #sessionLimit: number;
  #growthTimer: NodeJS.Timeout | undefined;

  constructor(open: (signal: AbortSignal) => Promise<SshConnection>, limits: Limits, onEmpty: () => void) {
    this.#open = open;
    this.#limits = limits;
    this.#onEmpty = onEmpty;
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
      if (signal?.aborted) return reject(cancelled(signal));
      const onAbort = () => {
        this.#tickets.splice(this.#tickets.indexOf(ticket), 1);
        reject(cancelled(signal));
        if (this.#tickets.length === 0) this.#opening?.abort(cancelled(signal));
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
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#tickets.push(ticket);
      this.#serve();
    });
  }

  /** A session on just this connection, if it has one left; nobody waits for that. */
  tryAcquireOn(connection: PooledConnection): Lease | undefined {
    if (!connection.isUsable || connection.sessions >= this.#sessionLimit) return undefined;
    return this.#lease(connection, 'session');
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
    if (!connection.served) return false;
    // Its sessions are held by processes that outlived their channels.
    connection.retire();
    return true;
  }

  async close(error: Error): Promise<void> {
    clearTimeout(this.#growthTimer);
    for (const ticket of this.#tickets.splice(0)) ticket.refuse(error);
    this.#opening?.abort(error);
    await Promise.all([...this.#connections].map(({ ssh }) => ssh.close()));
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
      if (room && this.#mayGrow(ticket.kind)) this.#grow();
      room = false;
      index += 1;
    }
  }

  #choose(kind: ChannelKind): PooledConnection | undefined {
    let best: PooledConnection | undefined;
    for (const connection of this.#connections) {
      if (!connection.isUsable) continue;
      if (kind !== 'stream' && connection.sessions >= this.#sessionLimit) continue;
      if (!best || connection.sessions < best.sessions) best = connection;
    }
    return best;
  }

  #lease(connection: PooledConnection, kind: ChannelKind): Lease {
    const count = kind === 'stream' ? 'streams' : 'sessions';
    let released = false;
    connection[count] += 1;
    connection.settle();
    return {
      connection,
      release: () => {
        if (released) return;
        released = true;
        connection[count] -= 1;
        connection.settle();
        this.#serve();
      },
    };
  }

  #mayGrow(kind: ChannelKind): boolean {
    if (this.#opening || this.#growthTimer) return false;
    const { connectionsPerMachine, relayConnectionsPerProxy } = this.#limits;
    const most = kind === 'relay' ? relayConnectionsPerProxy : connectionsPerMachine;
    return this.#usable === 0 || this.#connections.size < most;
  }

  get #usable(): number {
    return [...this.#connections].filter(({ isUsable }) => isUsable).length;
  }

  #grow(): void {
    const controller = new AbortController();
    this.#opening = controller;
    this.#open(controller.signal).then(
      (ssh) => {
        this.#opening = undefined;
        this.#add(ssh);
      },
      (error) => {
        this.#opening = undefined;
        this.#growthFailed(error, controller.signal.aborted);
      },
    );
  }

  #add(ssh: SshConnection): void {
    const connection = new PooledConnection(ssh, this.#limits.idleSeconds * 1000);
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
    this.#onEmpty();
  }
}

export function closedError(message = 'this IndirectAccess was closed'): AccessError {
  return new AccessError(message, { code: 'CLOSED' });
}
