import type { FastifyReply } from 'fastify';

/** Aborts when the caller hangs up before it has its answer, or when the controller stops. */
export function callerGone(reply: FastifyReply, stopping: AbortSignal): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  return AbortSignal.any([gone.signal, stopping]);
}
