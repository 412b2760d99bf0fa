import { neutralise } from './terminal-text.ts';

/** A line without end is passed on in pieces of this many bytes. */
const longestLine = 64 * 1024;
const newline = 0x0a;

/**
 * Puts a prefix before each line of a byte stream. To a terminal it writes text that cannot command the terminal;
 * to anything else the bytes as they came.
 */
export class LineWriter {
  readonly #out: NodeJS.WritableStream;
  readonly #prefix: string;
  readonly #forTerminal: boolean;
  #rest = Buffer.alloc(0);

  constructor(out: NodeJS.WritableStream, options: { prefix: string; forTerminal: boolean }) {
    this.#out = out;
    this.#prefix = options.prefix;
    this.#forTerminal = options.forTerminal;
  }

  /** Resolves when the reader of our output has room again. */
  async write(bytes: Uint8Array): Promise<void> {
    const data = this.#rest.length > 0 ? Buffer.concat([this.#rest, bytes]) : Buffer.from(bytes);
    const pieces: Buffer[] = [];
    let begin = 0;
    for (let end = data.indexOf(newline); end >= 0; end = data.indexOf(newline, begin)) {
      pieces.push(...this.#cut(data.subarray(begin, end)));
      begin = end + 1;
    }
    const rest = this.#cut(data.subarray(begin));
    this.#rest = Buffer.from(rest.pop() ?? Buffer.alloc(0));
    pieces.push(...rest);
    await this.#put(pieces);
  }

  /** Writes what has no newline yet. */
  async end(): Promise<void> {
    if (this.#rest.length > 0) await this.#put([this.#rest]);
    this.#rest = Buffer.alloc(0);
  }

  #cut(line: Buffer): Buffer[] {
    if (line.length <= longestLine) return [line];
    const count = Math.ceil(line.length / longestLine);
    return Array.from({ length: count }, (_, n) => line.subarray(n * longestLine, (n + 1) * longestLine));
  }

  async #put(lines: readonly Buffer[]): Promise<void> {
    if (lines.length === 0) return;
    const whole = Buffer.concat(lines.flatMap((line) => [Buffer.from(this.#prefix), this.#shown(line), eol]));
    if (!this.#out.write(whole)) await new Promise((resolve) => this.#out.once('drain', resolve));
  }

  #shown(line: Buffer): Buffer {
    return this.#forTerminal ? Buffer.from(neutralise(line.toString('utf8').replace(/\r$/, ''))) : line;
  }
}

const eol = Buffer.from('\n');
