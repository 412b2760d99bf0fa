import { Duplex } from 'node:stream';
import type { AccessError } from './errors.ts';
import type { RemoteProcess } from './remote-process.ts';

/** How long a relay program may take to end by itself once its input has ended. Milliseconds. */
const END_GRACE = 1_000;

/** The two ends of a relay program as one stream. Destroying it ends the program, on the proxy too. */
export class RelayStream extends Duplex {
  readonly #process: RemoteProcess;
  readonly #explain: () => AccessError;

  constructor(process: RemoteProcess, explain: () => AccessError) {
    super();
    this.#process = process;
    this.#explain = explain;
    const { stdout } = process;
    stdout.on('data', (chunk: Buffer) => {
      if (!this.destroyed && !this.push(chunk)) stdout.pause();
    });
    process.exit.then(
      ({ status }) => this.#ended(status === 0 ? undefined : this.#explain()),
      (error) => this.destroy(error),
    );
  }

  override _read(): void {
    this.#process.stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#process.stdin.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.#process.stdin.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#process.stdin.end();
    this.#process.stdout.resume();
    void this.#finish();
    done(error);
  }

  /** The program is over; what it wrote before may still be under way to the reader. */
  #ended(error: AccessError | undefined): void {
    const { stdout } = this.#process;
    const end = () => {
      if (this.destroyed) return;
      if (error && this.#nothingCame()) this.destroy(error);
      else {
        this.push(null);
        if (!this.writableEnded) this.end();
      }
    };
    if (stdout.readableEnded || stdout.destroyed) end();
    else stdout.once('end', end).once('close', end);
  }

  #nothingCame(): boolean {
    return this.readableLength === 0 && !this.readableDidRead;
  }

  async #finish(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<true>((resolve) => {
      timer = setTimeout(resolve, END_GRACE, true);
    });
    const ended = this.#process.exit.then(
      () => false,
      () => false,
    );
    if (await Promise.race([ended, late])) await this.#process.kill();
    clearTimeout(timer);
  }
}
