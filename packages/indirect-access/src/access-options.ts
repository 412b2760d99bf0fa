import type { Duplex } from 'node:stream';
import type { Identity, SshEngine } from './engine/engine.ts';
import type { Dial } from './first-hops.ts';
import type { Hop, Machine, Relay } from './route.ts';

type Identities = Identity | readonly Identity[];

export interface AccessOptions {
  /**
   * The private key of a credential id. Called for each connection; the answer is not kept. Several, while one is replaced by
   * another, are tried in order; sshd counts each (MaxAuthTries, 6).
   */
  identity(credential: string): Identities | Promise<Identities>;
  /**
   * Asked once when a `first-contact` machine shows its key (OpenSSH text). Must store it atomically and return
   * the key that is pinned from now on, which may be one that somebody else stored first; throws to refuse.
   * Absent: first contact is refused (HOST_KEY_REFUSED).
   */
  pinHostKey?(machine: Machine, key: string): Promise<string>;
  /**
   * Asked when a machine shows a key that its route does not have: whether it was pinned since the route was planned, while its
   * host key is replaced. Absent: what the route has is all.
   */
  wasPinnedSince?(machine: Machine, key: string): Promise<boolean>;
  /**
   * A stream to the sshd of a machine that has dialled in (`AgentHop`). Absent: there are none. Rejects with an AccessError
   * where it can say why.
   */
  openAgent?(agent: string, signal: AbortSignal): Promise<Duplex>;
  readonly deadlines?: Partial<Deadlines>;
  /** Milliseconds between keepalives, and how many may stay unanswered. Default 5000 and 3. */
  readonly keepalive?: Keepalive;
  readonly limits?: Partial<Limits>;
  /** Whatever it throws is swallowed: a listener cannot break work. */
  onEvent?(event: AccessEvent): void;
  /**
   * A connection that turns out to be lost when a channel is opened on it is replaced by a new one over the same route.
   * Default true. False for who has other routes: the error, which says that nothing has happened, comes at once.
   */
  readonly replaceLost?: boolean;
  /** Speaks SSH over a stream. Absent: ssh2. */
  readonly engine?: SshEngine;
  /** Opens the first hop's stream. Absent: TCP of this computer. With both, a whole network may be in memory. */
  readonly dial?: Dial;
}

export interface Keepalive {
  readonly interval: number;
  readonly missed: number;
}

/** Milliseconds, each from the start of its own phase: waiting in a queue does not count. */
export interface Deadlines {
  readonly resolve: number;
  readonly dial: number;
  readonly banner: number;
  /** Key exchange, and once more for the answer about the host key. */
  readonly keyExchange: number;
  readonly authentication: number;
  readonly channel: number;
  /** For a login shell to start a command, rc files included. */
  readonly start: number;
  /** The command that switches off Nagle's algorithm on a proxy. */
  readonly prime: number;
}

export interface Limits {
  /** sshd's MaxSessions is 10; lowered by itself for a machine that refuses earlier. */
  readonly sessionsPerConnection: number;
  /** Connections to one machine for its own commands and files. */
  readonly connectionsPerMachine: number;
  /** Connections to one proxy when relay programs use up its sessions. */
  readonly relayConnectionsPerProxy: number;
  /** Handshakes in flight through one proxy. sshd's MaxStartups begins to drop at 10, per machine. */
  readonly handshakesPerProxy: number;
  /** Handshakes in flight at one machine, by whatever proxies, counted apart for each length of route. */
  readonly handshakesPerMachine: number;
  /** Handshakes in flight in all, counted apart for each length of route. */
  readonly handshakes: number;
  /** A connection without channels is closed after this. */
  readonly idleSeconds: number;
}

export const defaultDeadlines: Deadlines = {
  resolve: 5_000,
  dial: 10_000,
  banner: 10_000,
  keyExchange: 20_000,
  authentication: 20_000,
  channel: 15_000,
  start: 60_000,
  prime: 3_000,
};

export const defaultLimits: Limits = {
  sessionsPerConnection: 10,
  connectionsPerMachine: 4,
  relayConnectionsPerProxy: 32,
  handshakesPerProxy: 8,
  handshakesPerMachine: 4,
  handshakes: 64,
  idleSeconds: 300,
};

export type AccessEvent =
  | {
      readonly type: 'connected';
      readonly machine: Machine;
      readonly hops: readonly Hop[];
      readonly route: string;
      /** Dial and handshake, without what was waited for before. */
      readonly milliseconds: number;
    }
  | {
      readonly type: 'disconnected';
      readonly machine: Machine;
      readonly hops: readonly Hop[];
      readonly route: string;
      readonly reason: string;
      /** It broke, or fell silent; else somebody here has closed it. */
      readonly lost: boolean;
    }
  | { readonly type: 'relay-chosen'; readonly machine: Machine; readonly relay: Relay }
  | { readonly type: 'jump-only-found'; readonly machine: Machine; readonly reason: string }
  | { readonly type: 'host-key-pinned'; readonly machine: Machine; readonly key: string }
  | { readonly type: 'host-key-mismatch'; readonly machine: Machine; readonly key: string };
