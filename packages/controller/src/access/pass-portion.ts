import type { UploadRow } from '../storage/uploads.ts';
import type { SpreadUnderWay } from './spreading.ts';
import type { TargetUpload } from './target-upload.ts';
import { nobodyReachable, tooLong, wrongOffset } from './upload-errors.ts';

/** A piece of a file, as it comes. */
export interface Portion {
  readonly offset: number;
  /** Bytes; null: the sender did not say. */
  readonly length: number | null;
  readonly bytes: AsyncIterable<Buffer>;
  readonly signal: AbortSignal;
}

type BeginSpread = (targets: readonly TargetUpload[]) => Promise<SpreadUnderWay | undefined>;

/** Sends a portion to machines that are open, at the pace of the slowest, and asks each what it has then. */
export async function passPortion(
  upload: UploadRow,
  open: readonly TargetUpload[],
  portion: Portion,
  beginSpread: BeginSpread,
): Promise<void> {
  const real = Math.min(...open.map(({ offset }) => offset));
  if (portion.offset !== real) throw wrongOffset(upload, real);
  const spread = await beginSpread(open.filter(({ offset }) => offset === real));
  try {
    const usual = open.filter((target) => !spread?.targets.includes(target));
    let at = portion.offset;
    for await (const chunk of untilAborted(portion)) {
      const bytes = chunk.subarray(0, Number(upload.size) - at);
      await Promise.all([each(usual, (target) => target.write(at, bytes)), spread?.write(bytes)]);
      at += bytes.length;
      if (bytes.length < chunk.length) throw tooLong(upload);
      // Nobody takes the rest of it: it is sent again anyway.
      if (!usual.some(({ isOpen }) => isOpen) && !spread?.works) break;
    }
    await spread?.distribute(portion.offset);
  } finally {
    spread?.close();
  }
  await each(open, (target) => target.settle());
  giveUpUnreachable(open);
}

/** One that is lost must not hold up all others for ever. */
export function giveUpUnreachable(targets: readonly TargetUpload[]): void {
  const lost = targets.filter((target) => target.lost !== undefined);
  const [first] = lost;
  if (!first) return;
  if (lost.length === targets.length) throw nobodyReachable(first.lost);
  for (const target of lost) target.giveUp(target.lost);
}

/** Does it for all at once; rejects, after all are through, with the first error. */
export async function each<T>(all: readonly T[], work: (one: T) => Promise<unknown>): Promise<void> {
  const ends = await Promise.allSettled(all.map(work));
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed) throw failed.reason;
}

/** Who sends may stop in the middle and say nothing. */
async function* untilAborted({ bytes, signal }: Portion): AsyncGenerator<Buffer> {
  const chunks = bytes[Symbol.asyncIterator]();
  const aborted = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  aborted.catch(() => {});
  try {
    for (;;) {
      const next = await Promise.race([chunks.next(), aborted]);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    // Not awaited: that would wait for the next chunk.
    void chunks.return?.().catch(() => undefined);
  }
}
