import { Duplex, Readable, Writable } from 'node:stream';
import type { Channel } from './ssh2-internals.ts';

/**
 * ssh2's channels are streams with traps: a lost connection looks like a clean end, a write to a closed one is
 * never answered, `destroy` does not destroy, and one that nobody reads never closes. These wrappers behave like
 * Node's own streams. `lost` tells whether, and why, the connection is gone.
 */
type Lost = () => Error | undefined;

const BUFFER = 256 * 1024;

/**
 * A connection can be lost when nobody is looking at one of its streams, and an error without a listener would
 * end the process. Whoever reads, writes or waits still gets it.
 */
function ignore(): void {}

function feed(target: Readable, source: Readable, lost: Lost): void {
  source.on('data', (chunk: Buffer) => {
    if (!target.destroyed && !target.push(chunk)) source.pause();
  });
  source.on('end', () => {
    if (target.destroyed) return;
    const error = lost();
    if (error) target.destroy(error);
    else target.push(null);
  });
}

/** Standard output or error of a remote command. */
export class ChannelOutput extends Readable {
  readonly #source: Readable;

  constructor(source: Readable, lost: Lost) {
    super({ highWaterMark: BUFFER });
    this.on('error', ignore);
    this.#source = source;
    feed(this, source, lost);
  }

  override _read(): void {
    this.#source.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // What still comes is read and dropped, else the channel would never close.
    this.#source.resume();
    done(error);
  }
}

/** Standard input of a remote command; also the writing half of a tunnel. */
export class ChannelInput extends Writable {
  readonly #half: WritingHalf;

  constructor(channel: Channel, lost: Lost) {
    super();
    this.on('error', ignore);
    this.#half = new WritingHalf(channel, lost);
    channel.once('close', () => this.destroy());
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#half.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.#half.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#half.end();
    done(error);
  }
}

/** A direct-tcpip channel. */
export class ChannelStream extends Duplex {
  readonly #channel: Channel;
  readonly #half: WritingHalf;

  constructor(channel: Channel, lost: Lost) {
    super({ readableHighWaterMark: BUFFER });
    this.on('error', ignore);
    this.#channel = channel;
    this.#half = new WritingHalf(channel, lost);
    feed(this, channel, lost);
    channel.once('close', () => {
      const error = lost();
      if (error || this.readableEnded) this.destroy(error);
      else this.once('end', () => this.destroy());
    });
  }

  override _read(): void {
    this.#channel.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#half.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.#half.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#channel.resume();
    this.#channel.close();
    done(error);
  }
}

class WritingHalf {
  readonly #channel: Channel;
  readonly #lost: Lost;
  #pending: ((error?: Error | null) => void) | undefined;
  #closed = false;

  constructor(channel: Channel, lost: Lost) {
    this.#channel = channel;
    this.#lost = lost;
    // Later errors of ssh2's stream (a write after the end) have no other listener.
    channel.on('error', (error) => this.#settle(error));
    channel.once('close', () => {
      this.#closed = true;
      this.#settle(this.#broken());
    });
  }

  write(chunk: Buffer, done: (error?: Error | null) => void): void {
    if (this.#closed || !this.#channel.writable) {
      done(this.#broken());
      return;
    }
    this.#pending = done;
    this.#channel.write(chunk, () => this.#settle());
  }

  end(done?: () => void): void {
    if (!this.#closed && this.#channel.writable) this.#channel.end();
    done?.();
  }

  #settle(error?: Error): void {
    const done = this.#pending;
    this.#pending = undefined;
    done?.(error);
  }

  #broken(): Error {
    return this.#lost() ?? Object.assign(new Error('the other side closed the stream'), { code: 'EPIPE' });
  }
}
