import type { Readable } from 'node:stream';

/** Keeps the first bytes of a stream, and reads and counts the rest, so that the writer never stalls. */
export class OutputCollector {
  total = 0;
  /** Settles at the stream's end, however it came. */
  readonly ended: Promise<void>;
  readonly #most: number;
  readonly #chunks: Buffer[] = [];
  #kept = 0;

  constructor(stream: Readable, most: number) {
    this.#most = most;
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    this.ended = new Promise((resolve) => {
      stream.once('end', resolve).once('close', resolve);
    });
  }

  get truncated(): boolean {
    return this.total > this.#kept;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  #take(chunk: Buffer): void {
    this.total += chunk.length;
    const part = chunk.subarray(0, this.#most - this.#kept);
    if (part.length === 0) return;
    // A slice would keep the whole packet it came in alive.
    this.#chunks.push(part.length === chunk.length ? chunk : Buffer.from(part));
    this.#kept += part.length;
  }
}
