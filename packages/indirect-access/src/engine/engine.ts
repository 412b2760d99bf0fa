import type { Duplex, Readable, Writable } from 'node:stream';
import type { Phase } from '../errors.ts';

/**
 * The narrow interface on an SSH client library; nothing else in Wadi may import one. An engine speaks SSH over
 * a byte stream that somebody else opened, so it never knows what hops lie under it.
 */
export interface SshEngine {
  /**
   * Authenticates over `stream`. Rejects with an AccessError whose phase is banner, key-exchange, host-key or
   * authentication; the stream is then destroyed. Each phase has its own deadline.
   */
  connect(stream: Duplex, options: EngineConnectOptions): Promise<SshConnection>;
}

export interface EngineConnectOptions {
  readonly user: string;
  /** Tried in order; one at least. */
  readonly identities: readonly Identity[];
  /** Asked with every host key, before a single byte of ours is encrypted to it. Must throw to refuse. */
  readonly verifyHostKey: (key: HostKey) => void | Promise<void>;
  /** Key types to offer, the pinned ones; absent: all. */
  readonly hostKeyTypes?: readonly string[];
  /** Milliseconds. */
  readonly deadlines: {
    readonly banner: number;
    readonly keyExchange: number;
    readonly authentication: number;
  };
  /** Milliseconds between keepalives and how many may stay unanswered. */
  readonly keepalive: { readonly interval: number; readonly missed: number };
  readonly signal?: AbortSignal;
  /** Told whenever another phase begins. */
  readonly onPhase?: (phase: Phase) => void;
}

/** A private key, in memory only. */
export interface Identity {
  /** OpenSSH or PEM text. */
  readonly privateKey: string | Buffer;
  readonly passphrase?: string;
}

export interface HostKey {
  /** `ssh-ed25519`, … */
  readonly type: string;
  /** The public key blob (RFC 4253 section 6.6). */
  readonly blob: Buffer;
}

/** An authenticated connection; many channels. */
export interface SshConnection {
  /** The peer's identification, e.g. `SSH-2.0-OpenSSH_9.2p1 Debian-2`. */
  readonly serverVersion: string;
  /** Settles when the connection is gone, for whatever reason; never rejects. */
  readonly closed: Promise<Error | undefined>;
  readonly isOpen: boolean;
  /** `close` was called before it was gone. */
  readonly wasClosedHere: boolean;
  /** `opened` is called as soon as the server has granted the channel, before it has answered the request. */
  exec(command: string, signal?: AbortSignal, opened?: () => void): Promise<ExecChannel>;
  /** A session with a terminal (RFC 4254 section 6.2); `opened` as with `exec`. */
  terminal(request: TerminalRequest, signal?: AbortSignal, opened?: () => void): Promise<TerminalChannel>;
  /** direct-tcpip (RFC 4254 section 7.2). Rejects with ChannelOpenError. */
  openTcp(host: string, port: number, signal?: AbortSignal): Promise<Duplex>;
  /** Ends it; resolves when the stream under it is closed. */
  close(): Promise<void>;
}

/** The message is the server's, or empty. Reason codes of RFC 4254 section 5.1: 1 prohibited, 2 connect failed, 3 unknown type, 4 resource shortage. */
export class ChannelOpenError extends Error {
  override readonly name = 'ChannelOpenError';
  readonly reason: number;
  constructor(message: string, reason: number) {
    super(message);
    this.reason = reason;
  }
}

/** A running remote command. */
export interface ExecChannel {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Settles after the exit message, or at the channel's end without one (`lost`: the connection went). */
  readonly exit: Promise<ExecExit>;
  /** Settles when the server no longer counts the channel as a session; never rejects. */
  readonly closed: Promise<void>;
  /** Closes the channel; does not end the remote process by itself. */
  close(): void;
}

export interface TerminalRequest extends TerminalSize {
  /** Kind of terminal, e.g. `xterm-256color`. */
  readonly term: string;
  /** What runs in it; absent: the login shell. */
  readonly command?: string;
}

/** In characters. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** Both outputs of what runs in a terminal are its `stdout`. */
export interface TerminalChannel extends ExecChannel {
  resize(size: TerminalSize): void;
}

export interface ExecExit {
  readonly status?: number;
  /** Name without SIG, e.g. `KILL`. */
  readonly signal?: string;
  readonly lost?: boolean;
}
