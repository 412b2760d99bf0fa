import { createCipheriv, createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

const pieceBytes = 256 * 1024;
/** Of a share, before it is held; and milliseconds between two pieces of what comes all the same. */
const headBytes = 1024 * 1024;
const trickleInterval = 50;
const blockBytes = 16;

/**
 * What is uploaded: the same bytes every time, which nothing can compress. They are given out in as many shares as there are
 * faults. Each share begins to come, and then trickles until its fault is in force: so every fault, also the first, finds
 * bytes of the upload on their way, by the one way that was seen before.
 */
export class UploadSource {
  readonly size: number;
  readonly #shares: readonly Share[];
  #digest: string | undefined;

  constructor(size: number, shares: number) {
    this.size = size;
    this.#shares = Array.from({ length: shares }, (_, share) => {
      const begin = Math.floor((size * share) / shares);
      return new Share(begin, Math.floor((size * (share + 1)) / shares));
    });
  }

  /** Of all of it, also of what was never asked for. */
  get sha256(): string {
    if (this.#digest !== undefined) return this.#digest;
    const digest = createHash('sha256');
    for (let at = 0; at < this.size; at += pieceBytes) digest.update(this.#bytes(at, pieceBytes));
    this.#digest = digest.digest('hex');
    return this.#digest;
  }

  /** Lets a share begin. Resolves when it trickles. */
  open(share: number): Promise<void> {
    return this.#shares[share]?.open() ?? Promise.resolve();
  }

  /** Its fault is in force: the rest of the share comes as fast as it can. */
  release(share: number): void {
    this.#shares[share]?.release();
  }

  releaseAll(): void {
    for (const share of this.#shares) share.release();
  }

  /** Waits for the share that the offset lies in; what it resolves to ends with that share. */
  async read(offset: number, length: number): Promise<AsyncIterable<Uint8Array>> {
    const share = this.#shares.find(({ end }) => offset < end);
    await share?.opened;
    return this.#pieces(offset, Math.min(offset + length, share?.end ?? this.size), share);
  }

  /** All of it in order, for who cannot begin elsewhere. */
  async *content(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    for (const share of this.#shares) {
      await Promise.race([share.opened, aborted(signal)]);
      for await (const piece of this.#pieces(share.begin, share.end, share)) {
        if (signal.aborted) return;
        yield piece;
      }
    }
  }

  async *#pieces(from: number, to: number, share: Share | undefined): AsyncGenerator<Uint8Array> {
    for (let at = from; at < to; ) {
      const length = share?.pieceAt(at) ?? pieceBytes;
      if (length < pieceBytes && share?.isHeldAt(at)) await share.pause();
      const piece = this.#bytes(at, Math.min(length, to - at));
      yield piece;
      at += piece.length;
    }
  }

  #bytes(offset: number, length: number): Buffer {
    const count = Math.max(0, Math.min(length, this.size - offset));
    const skip = offset % blockBytes;
    const counter = Buffer.alloc(blockBytes);
    counter.writeBigUInt64BE(BigInt(Math.floor(offset / blockBytes)), 8);
    const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 'wadi'), counter);
    return cipher.update(Buffer.alloc(skip + count)).subarray(skip);
  }
}

class Share {
  readonly begin: number;
  readonly end: number;
  readonly opened: Promise<void>;
  readonly #held: Promise<void>;
  readonly #released: Promise<void>;
  #open = () => {};
  #hold = () => {};
  #release = () => {};
  #isReleased = false;

  constructor(begin: number, end: number) {
    this.begin = begin;
    this.end = end;
    this.opened = new Promise((resolve) => {
      this.#open = resolve;
    });
    this.#held = new Promise((resolve) => {
      this.#hold = resolve;
    });
    this.#released = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  open(): Promise<void> {
    this.#open();
    return this.#held;
  }

  release(): void {
    this.#isReleased = true;
    for (const settle of [this.#open, this.#hold, this.#release]) settle();
  }

  isHeldAt(offset: number): boolean {
    return !this.#isReleased && offset >= this.#holdAt;
  }

  /** Bytes of the next piece: what trickles must last for a while. */
  pieceAt(offset: number): number {
    if (this.#isReleased) return pieceBytes;
    if (offset < this.#holdAt) return Math.min(pieceBytes, this.#holdAt - offset);
    return Math.max(1, Math.floor((this.end - this.#holdAt) / 8192));
  }

  async pause(): Promise<void> {
    this.#hold();
    const over = new AbortController();
    const late = sleep(trickleInterval, undefined, { signal: over.signal }).catch(() => undefined);
    await Promise.race([this.#released, late]).finally(() => over.abort());
  }

  get #holdAt(): number {
    return this.begin + Math.min(headBytes, Math.floor((this.end - this.begin) / 2));
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
