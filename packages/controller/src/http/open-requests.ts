import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Authenticator, givenToken, type Principal } from '../auth/principal.ts';

/** Milliseconds between two looks at requests that are still open: their tokens must not outlive a minute. */
const interval = 15_000;

/**
 * Ends what is still open when its token is revoked or expired, or may not do it any more: waits, streams of events,
 * bodies from machines. The connection is cut, which everything below notices as a caller who went. What it returns is
 * told of every request that was let in.
 */
export function endForbiddenRequests(
  app: FastifyInstance,
  authenticator: Authenticator,
  mayStill: (request: FastifyRequest, principal: Principal) => boolean,
): (request: FastifyRequest, reply: FastifyReply) => void {
  const open = new Map<FastifyRequest, { readonly since: number; readonly reply: FastifyReply }>();

  const look = async () => {
    const known = new Map<string | null, Promise<Principal | null>>();
    for (const [request, { since, reply }] of open) {
      if (performance.now() - since < interval / 2) continue;
      const token = givenToken(request.headers);
      const asked = known.get(token) ?? authenticator.authenticate(request.headers);
      known.set(token, asked);
      try {
        const principal = await asked;
        if (principal && mayStill(request, principal)) continue;
      } catch (error) {
        // Nobody can tell at the moment; the next look may.
        request.log.warn({ err: error }, 'could not look again at the token of an open request');
        continue;
      }
      if (!open.has(request)) continue;
      request.log.info({ token_id: request.principal.tokenId }, 'ended: its token is not valid any more');
      reply.raw.destroy();
    }
  };
  let looking = false;
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    void look().finally(() => {
      looking = false;
    });
  }, interval);
  timer.unref();
  app.addHook('onClose', async () => clearInterval(timer));

  return (request, reply) => {
    open.set(request, { since: performance.now(), reply });
    reply.raw.once('close', () => open.delete(request));
  };
}
