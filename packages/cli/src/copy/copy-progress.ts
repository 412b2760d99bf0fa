import { neutralise } from '../terminal-text.ts';

/** Milliseconds between two drawings. */
const interval = 200;

/** One line that is redrawn, on a terminal and nowhere else. */
export class CopyProgress {
  readonly #out: NodeJS.WriteStream;
  readonly #name: string;
  readonly #began = performance.now();
  #first: number | undefined;
  #drawn = Number.NEGATIVE_INFINITY;

  constructor(name: string, out: NodeJS.WriteStream = process.stderr) {
    this.#name = name;
    this.#out = out;
  }

  show(bytes: number, size: number): void {
    this.#first ??= bytes;
    const now = performance.now();
    if (!this.#out.isTTY || now - this.#drawn < interval) return;
    this.#drawn = now;
    const share = size === 0 ? 100 : Math.floor((bytes / size) * 100);
    const speed = (bytes - this.#first) / Math.max(0.001, (now - this.#began) / 1000);
    const line = `${this.#name}  ${share} %  ${inMiB(bytes)} of ${inMiB(size)} MiB  ${inMiB(speed)} MiB/s`;
    this.#out.write(`\r${neutralise(line).slice(0, (this.#out.columns || 80) - 1)}\u001b[K`);
  }

  /** Takes the line away. */
  end(): void {
    if (this.#out.isTTY && this.#drawn > 0) this.#out.write('\r\u001b[K');
  }
}

function inMiB(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}
