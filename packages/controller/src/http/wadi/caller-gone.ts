import type { FastifyReply } from 'fastify';

/**
 * Aborts when the caller hangs up before it has its answer, or when the controller stops; where it waits for news, also when
 * the controller is about to stop, but not when it came later: it would ask again without a pause. Not made by AbortSignal.any:
 * in Node 20 a signal that lives long keeps whatever was made from it that way.
 */
export function callerGone(reply: FastifyReply, stopping: AbortSignal, left?: AbortSignal): AbortSignal {
  const gone = new AbortController();
  const abort = () => gone.abort();
  // Either has happened already, and would not be told again.
  if (stopping.aborted || reply.raw.destroyed) {
    abort();
    return gone.signal;
  }
  stopping.addEventListener('abort', abort);
  left?.addEventListener('abort', abort);
  reply.raw.once('close', () => {
    stopping.removeEventListener('abort', abort);
    left?.removeEventListener('abort', abort);
    if (!reply.raw.writableFinished) abort();
  });
  return gone.signal;
}
