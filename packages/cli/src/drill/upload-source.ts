import { createCipheriv, createHash } from 'node:crypto';

const partBytes = 256 * 1024;

/**
 * What is uploaded: the same bytes every time, which nothing can compress. It is given out in as many portions as there
 * are faults, one for each, so that every fault finds the upload under way.
 */
export class UploadSource {
  readonly size: number;
  readonly #portions: number;
  readonly #gates: (() => void)[] = [];
  readonly #opened: Promise<void>[] = [];

  constructor(size: number, portions: number) {
    this.size = size;
    this.#portions = portions;
    for (let portion = 0; portion < portions; portion += 1) {
      this.#opened.push(new Promise((resolve) => this.#gates.push(resolve)));
    }
  }

  openPortion(): void {
    this.#gates.shift()?.();
  }

  openAll(): void {
    for (const open of this.#gates.splice(0)) open();
  }

  async *content(signal: AbortSignal): AsyncGenerator<Buffer> {
    const cipher = newCipher();
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    for (let portion = 0; portion < this.#portions; portion += 1) {
      await Promise.race([this.#opened[portion], aborted]);
      const end = Math.floor((this.size * (portion + 1)) / this.#portions);
      const begin = Math.floor((this.size * portion) / this.#portions);
      for (let at = begin; at < end && !signal.aborted; ) {
        const part = cipher.update(Buffer.alloc(Math.min(partBytes, end - at)));
        yield part;
        at += part.length;
      }
    }
  }

  /** Of all of it, also of what was never asked for. */
  get digest(): string {
    const cipher = newCipher();
    const digest = createHash('sha256');
    for (let at = 0; at < this.size; at += partBytes) {
      digest.update(cipher.update(Buffer.alloc(Math.min(partBytes, this.size - at))));
    }
    return digest.digest('hex');
  }
}

function newCipher() {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, 'wadi'), Buffer.alloc(16));
}
