import { getEventListeners, once } from 'node:events';
import net from 'node:net';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { noTokens } from '../../packages/controller/src/auth/no-tokens.ts';
import type { Authenticator, Principal } from '../../packages/controller/src/auth/principal.ts';
import type { HttpContext, Resource } from '../../packages/controller/src/http/context.ts';
import { Drain } from '../../packages/controller/src/http/drain.ts';
import { createServer } from '../../packages/controller/src/http/server.ts';
import { callerGone } from '../../packages/controller/src/http/wadi/caller-gone.ts';

let app: FastifyInstance | undefined;
afterEach(async () => {
  vi.useRealTimers();
  app?.server.closeAllConnections();
  await app?.close();
});

async function serve(authenticator: Authenticator, handler: Resource): Promise<number> {
  const log = pino({ level: 'silent' });
  app = await createServer({
    context: { log, drain: new Drain() } as unknown as HttpContext,
    hosts: [],
    authenticator,
    furtherRights: { 'GET /thing': 'view' },
    resources: [handler],
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  return (app.server.address() as net.AddressInfo).port;
}

/** Asks, and hangs up when told. */
function ask(port: number, token: string): net.Socket {
  const socket = net.connect(port, '127.0.0.1');
  const host = `127.0.0.1:${port}`;
  socket.write(`GET /v2/thing HTTP/1.1\r\nHost: ${host}\r\nX-Auth-Token: ${token}\r\n\r\n`);
  return socket;
}

/**
 * Counts how often each token was looked at. The first look at `slow` ends when its caller has gone, every further one
 * at `unknown` never.
 */
function observed(): { authenticator: Authenticator; looks: Map<string, number>; refused: Set<string> } {
  const { authenticate } = noTokens('default');
  const looks = new Map<string, number>();
  const refused = new Set<string>();
  return {
    looks,
    refused,
    authenticator: {
      challenge: 'None',
      async authenticate(headers): Promise<Principal | null> {
        const token = String(headers['x-auth-token']);
        const count = (looks.get(token) ?? 0) + 1;
        looks.set(token, count);
        if (token === 'unknown' && count > 1) await once(app?.server ?? process, 'close');
        if (token === 'slow' && count === 1) await once(app?.server ?? process, 'caller gone');
        return refused.has(token) ? null : authenticate(headers);
      },
    },
  };
}

describe('a request whose caller hangs up', () => {
  test('while it is found out who asks is not looked at any more', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const { authenticator, looks } = observed();
    let entered = 0;
    const port = await serve(authenticator, (scope) => {
      scope.get('/v2/thing', async () => {
        entered += 1;
        await new Promise((resolve) => app?.server.once('over', resolve));
        return {};
      });
    });
    const stays = ask(port, 'quick');
    const goes = ask(port, 'slow');
    await vi.waitFor(() => expect([looks.get('slow'), looks.get('quick')]).toEqual([1, 1]));
    goes.destroy();
    await vi.waitFor(async () => expect(await connections()).toBe(1));
    app?.server.emit('caller gone');
    await vi.waitFor(() => expect(entered).toBe(2));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(looks.get('quick')).toBeGreaterThan(2);
    expect(looks.get('slow')).toBe(1);
    app?.server.emit('over');
    stays.destroy();
  });

  test('before anybody waits for that is over at once, and leaves nothing behind', async () => {
    const stopping = new AbortController().signal;
    const gone: boolean[] = [];
    const port = await serve(noTokens('default'), (scope) => {
      scope.get('/v2/thing', async (_request, reply) => {
        socket.destroy();
        await once(reply.raw, 'close');
        gone.push(callerGone(reply, stopping).aborted);
        return {};
      });
    });
    const socket = ask(port, 'x');
    await vi.waitFor(() => expect(gone).toEqual([true]));
    expect(getEventListeners(stopping, 'abort')).toEqual([]);
  });
});

test('a token that nobody tells anything of does not keep the requests of others open', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  const { authenticator, looks, refused } = observed();
  const port = await serve(authenticator, (scope) => {
    scope.get('/v2/thing', async (_request, reply) => {
      await once(reply.raw, 'close');
    });
  });
  ask(port, 'unknown');
  await vi.waitFor(() => expect(looks.get('unknown')).toBe(1));
  const ended = once(ask(port, 'revoked'), 'close');
  await vi.waitFor(() => expect(looks.get('revoked')).toBe(1));
  refused.add('revoked');
  await vi.advanceTimersByTimeAsync(45_000);
  await ended;
  expect(await connections()).toBe(1);
});

function connections(): Promise<number> {
  return new Promise((resolve) => app?.server.getConnections((_error, count) => resolve(count)));
}
