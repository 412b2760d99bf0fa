import type { SshConnection } from './engine/engine.ts';

/** A connection and what is in use of it. */
export class PooledConnection {
  readonly ssh: SshConnection;
  /** Session channels: those that sshd counts against MaxSessions. Opening ones included. */
  sessions = 0;
  /** Session channels that the server has granted. */
  granted = 0;
  /** direct-tcpip channels, which it does not count. */
  streams = 0;
  /** Sessions that are closed here, and that the server keeps as long as what it started there lives. */
  abandoned = 0;
  /** It has granted a session at least once. */
  served = false;
  /** Takes no new channels; closed when the last one ends, or is abandoned. */
  retired = false;
  /** The priming command, once it was started. */
  priming: Promise<void> | undefined;
  /** When it fell idle; undefined while in use. Milliseconds since the epoch. */
  idleSince: number | undefined;
  /** Kept for commands that end others. */
  readonly reserved: boolean;
  readonly #idleMilliseconds: number;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(ssh: SshConnection, idleMilliseconds: number, reserved: boolean) {
    this.ssh = ssh;
    this.reserved = reserved;
    this.#idleMilliseconds = idleMilliseconds;
    ssh.closed.then(() => clearTimeout(this.#idleTimer));
    this.settle();
  }

  get isUsable(): boolean {
    return this.ssh.isOpen && !this.retired;
  }

  /** To be called whenever something was taken or given back. */
  settle(): void {
    clearTimeout(this.#idleTimer);
    this.idleSince = undefined;
    if (!this.ssh.isOpen) return;
    const taken = this.sessions + this.streams;
    if (this.retired && taken === this.abandoned) return void this.ssh.close();
    if (taken > 0) return;
    this.idleSince = Date.now();
    this.#idleTimer = setTimeout(() => void this.ssh.close(), this.#idleMilliseconds);
  }

  retire(): void {
    this.retired = true;
    this.settle();
  }
}
