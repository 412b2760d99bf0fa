import { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';

export interface FrameStreamOptions {
  /** Told of text messages other than the end. One that is no JSON object ends the stream. */
  readonly onControl?: (message: Readonly<Record<string, unknown>>) => void;
  /** Milliseconds between two pings; a peer that answered none since the last but one is gone. Default 15,000. */
  readonly pingInterval?: number;
}

/** Bytes of a message that are taken at most. What is larger is sent in several. */
export const mostFrameBytes = 256 * 1024;

/** Why a WebSocket ended (RFC 6455 section 7.4.1). */
const closeCodes = { normal: 1000, protocol: 1002, failed: 1011 } as const;

/** Milliseconds that a peer may take to answer the closing handshake. */
const closeDeadline = 5_000;

const end = JSON.stringify({ type: 'eof' });

/**
 * A byte stream over an open WebSocket. Binary messages are the bytes; the text message `{"type":"eof"}` ends one
 * direction, which a WebSocket itself cannot do; other text messages are for `onControl`. Bytes that nobody reads
 * stay with the sender. A socket that goes without an end is an error (ECONNRESET), never an end.
 */
export class FrameStream extends Duplex {
  readonly #socket: WebSocket;
  readonly #onControl: FrameStreamOptions['onControl'];
  readonly #pings: NodeJS.Timeout;
  #ended = false;
  #heard = true;

  constructor(socket: WebSocket, options: FrameStreamOptions = {}) {
    super({ allowHalfOpen: true, readableHighWaterMark: mostFrameBytes });
    this.#socket = socket;
    this.#onControl = options.onControl;
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    socket.on('error', (error) => this.destroy(error));
    socket.on('pong', () => {
      this.#heard = true;
    });
    socket.once('close', (code, reason) => this.#closed(code, reason.toString()));
    this.#pings = setInterval(() => this.#ping(), options.pingInterval ?? 15_000);
    this.#pings.unref();
    if (socket.readyState !== socket.OPEN) this.#closed(closeCodes.failed, '');
  }

  /** Sends a text message to the other side's `onControl`. */
  control(message: Readonly<Record<string, unknown>>): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    const send = (from: number): void => {
      const piece = chunk.subarray(from, from + mostFrameBytes);
      const last = from + piece.length >= chunk.length;
      this.#socket.send(piece, { binary: true }, (error) => {
        if (error || last) done(error);
        else send(from + piece.length);
      });
    };
    send(0);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.send(end, (error) => done(error));
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearInterval(this.#pings);
    const complete = this.#ended && this.writableFinished;
    // A peer that does not close does not keep us: what it might still say is of no use to anybody.
    const late = setTimeout(() => this.#socket.terminate(), closeDeadline);
    late.unref();
    this.#socket.once('close', () => clearTimeout(late));
    this.#socket.resume();
    this.#socket.close(error || !complete ? closeCodes.failed : closeCodes.normal, reasonOf(error));
    done(error);
  }

  #receive(data: RawData, isBinary: boolean): void {
    this.#heard = true;
    if (this.destroyed) return;
    if (isBinary) this.#receiveBytes(data);
    else this.#receiveText(data);
  }

  #receiveBytes(data: RawData): void {
    if (this.#ended) this.#protocolError('bytes after the end');
    else if (!this.push(data)) this.#socket.pause();
  }

  #receiveText(data: RawData): void {
    const message = parse(data);
    if (!message) this.#protocolError('a text message that is no JSON object');
    else if (message.type !== 'eof') this.#onControl?.(message);
    else if (this.#ended) this.#protocolError('a second end');
    else {
      this.#ended = true;
      this.push(null);
    }
  }

  #protocolError(what: string): void {
    this.destroy(Object.assign(new Error(`the other side sent ${what}`), { code: 'EPROTO' }));
  }

  #closed(code: number, reason: string): void {
    clearInterval(this.#pings);
    if (this.#ended && this.writableEnded) return;
    const why = reason ? `: ${reason}` : code === closeCodes.normal ? '' : ` (${code})`;
    this.destroy(
      Object.assign(new Error(`the other side closed the connection${why}`), { code: 'ECONNRESET' }),
    );
  }

  #ping(): void {
    // Pongs stand behind the bytes that nobody reads now.
    if (this.#socket.isPaused) return;
    if (this.#heard) {
      this.#heard = false;
      this.#socket.ping();
      return;
    }
    const error = new Error('the other side does not answer any more');
    this.destroy(Object.assign(error, { code: 'ETIMEDOUT' }));
  }
}

function parse(data: RawData): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(data.toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** At most 123 bytes (RFC 6455 section 5.5). */
function reasonOf(error: Error | null): string {
  let text = error?.message ?? '';
  while (Buffer.byteLength(text) > 123) text = text.slice(0, -1);
  return text;
}
