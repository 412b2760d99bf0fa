import type { Writable } from 'node:stream';
import { withDeadline } from '../deadline.ts';
import { AccessError } from '../errors.ts';

/** Milliseconds in which a peer must take something. */
const deadline = 30_000;

/** Resolves when there is room again, or nobody takes anything any more; rejects with TIMEOUT when the peer just stands. */
export function drained(stream: Writable, name: string): Promise<void> {
  const late = () =>
    new AccessError(`${name}: it took nothing for ${deadline} ms`, {
      code: 'TIMEOUT',
      hop: name,
      phase: 'transfer',
    });
  return withDeadline({ milliseconds: deadline, late }, () => room(stream));
}

function room(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done).off('close', done);
      resolve();
    };
    if (stream.destroyed || !stream.writableNeedDrain) return resolve();
    stream.on('drain', done).on('close', done);
  });
}
