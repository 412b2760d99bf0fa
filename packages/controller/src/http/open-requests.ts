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
    const tokens = new Map<string | null, FastifyRequest[]>();
    for (const [request, { since }] of open) {
      if (performance.now() - since < interval / 2) continue;
      const token = givenToken(request.headers);
      const same = tokens.get(token);
      if (same) same.push(request);
      else tokens.set(token, [request]);
    }
    // At once: one token that is not answered for must not keep the others alive.
    await Promise.all([...tokens.values()].map(lookAt));
  };
  /** At requests with the same token. */
  const lookAt = async (requests: readonly FastifyRequest[]) => {
    const [first] = requests;
    if (!first) return;
    let principal: Principal | null;
    try {
      principal = await authenticator.authenticate(first.headers);
    } catch (error) {
      // Nobody can tell at the moment; the next look may.
      first.log.warn({ err: error }, 'could not look again at the token of an open request');
      return;
    }
    for (const request of requests) {
      const reply = open.get(request)?.reply;
      if (!reply || (principal && mayStill(request, principal))) continue;
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
    // Its caller hung up while it was found out who that is: nothing would ever take it out again.
    if (reply.raw.destroyed) return;
    open.set(request, { since: performance.now(), reply });
    reply.raw.once('close', () => open.delete(request));
  };
}
