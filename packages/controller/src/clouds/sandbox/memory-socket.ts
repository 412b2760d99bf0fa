import { Duplex } from 'node:stream';

/** Where a connection inside the private network began. */
export interface Origin {
  /** Name of the machine whose SSH server opened it. */
  readonly name: string;
  readonly address: string;
}

/**
 * One end of a connection inside the sandbox's private network. It exists in this process only: no address of
 * this computer leads to it. Shaped like a net.Socket as far as ssh2 and node:http look.
 */
export class MemorySocket extends Duplex {
  readonly origin: Origin;
  #peer: MemorySocket | undefined;
  #resumePeer: (() => void) | undefined;
  #endReceived = false;

  private constructor(origin: Origin) {
    super({ allowHalfOpen: false });
    this.origin = origin;
  }

  /** The two ends of a new connection: the dialling one first. */
  static pair(origin: Origin): [MemorySocket, MemorySocket] {
    const near = new MemorySocket(origin);
    const far = new MemorySocket(origin);
    near.#peer = far;
    far.#peer = near;
    return [near, far];
  }

  get remoteAddress(): string {
    return this.origin.address;
  }

  override _read(): void {
    const resume = this.#resumePeer;
    this.#resumePeer = undefined;
    resume?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    // Never on the same stack: ssh2 keeps parsing state in its modules, and the sender is often inside its parser.
    setImmediate(() => {
      const peer = this.#peer;
      if (!peer || peer.destroyed) return done(new Error('the other end of the connection is gone'));
      if (peer.push(chunk)) done();
      else peer.#resumePeer = done;
    });
  }

  override _final(done: () => void): void {
    const peer = this.#peer;
    if (peer) peer.#receiveEnd();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const peer = this.#peer;
    this.#peer = undefined;
    // A peer that has our end in its buffer must still be able to read what comes before it.
    if (peer && !peer.#endReceived) process.nextTick(() => peer.destroy());
    done(error);
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  #receiveEnd(): void {
    this.#endReceived = true;
    if (!this.destroyed) this.push(null);
  }
}
