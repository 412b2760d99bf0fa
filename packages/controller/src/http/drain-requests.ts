import type { FastifyInstance } from 'fastify';
import type { Drain } from './drain.ts';

/** Tells the drain of every request but those that ask how the controller is, and lets connections end once it has begun. */
export function drainRequests(app: FastifyInstance, drain: Drain): void {
  app.addHook('onRequest', async (request, reply) => {
    if (request.url === '/readyz' || request.url === '/healthz') return;
    reply.raw.once('close', drain.enter());
  });
  app.addHook('onSend', async (_request, reply) => {
    // Whoever keeps connections would send the next request on one that is about to be closed.
    if (drain.begun) reply.header('Connection', 'close');
  });
}
