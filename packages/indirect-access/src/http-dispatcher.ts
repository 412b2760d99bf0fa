import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as startTls, type TLSSocket } from 'node:tls';
import { Agent, type buildConnector, type Dispatcher } from 'undici';
import { AccessError } from './errors.ts';
import type { Route } from './route.ts';
import type { Sessions } from './session.ts';

export interface DispatcherOptions {
  /** For `https:` URLs, e.g. `ca`. The server's name comes from the URL unless it is given here. */
  readonly tls?: ConnectionOptions;
}

/** Per origin; browsers use 6, and each costs one channel. */
const connections = 64;
/** Milliseconds. */
const tlsDeadline = 10_000;

/**
 * An undici dispatcher whose sockets are tunnels to the machine. The URL's port is the machine's port; the URL's
 * host name is nothing but the Host header and the name in the certificate. A tunnel that cannot be opened fails
 * the request with its AccessError (`cause` of what `fetch` throws). Close or destroy it when done.
 *
 * ```ts
 * const response = await fetch('http://worker-1:8080/', { dispatcher });
 * ```
 */
export function httpDispatcher(
  sessions: Sessions,
  route: Route,
  options: DispatcherOptions = {},
): Dispatcher {
  return new Agent({
    connections,
    connect(target, callback) {
      openSocket(sessions, route, target, options.tls).then(
        (socket) => callback(null, socket),
        (error: Error) => callback(error, null),
      );
    },
  });
}

async function openSocket(
  sessions: Sessions,
  route: Route,
  target: buildConnector.Options,
  tls: ConnectionOptions | undefined,
): Promise<TLSSocket> {
  const secure = target.protocol === 'https:';
  const port = Number(target.port) || (secure ? 443 : 80);
  const tunnel = await sessions.tunnel(route, { port });
  // undici waits for a socket to close by itself once the server has ended it (after a WebSocket's last frame), and
  // TLS takes this over from the stream below.
  tunnel.allowHalfOpen = false;
  if (!secure) return asSocket(tunnel);
  const name = target.servername || target.hostname;
  return await overTls(tunnel, route, {
    ...tls,
    host: target.hostname,
    ...(isIP(name) ? {} : { servername: tls?.servername ?? name }),
    ALPNProtocols: ['http/1.1'],
  });
}

function overTls(tunnel: Duplex, route: Route, options: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = startTls({ ...options, socket: tunnel });
    const late = setTimeout(() => {
      const message = `no TLS with ${route.machine.name} within ${tlsDeadline / 1000} s`;
      fail(new AccessError(message, { code: 'TIMEOUT', hop: route.machine.name, phase: 'transfer' }));
    }, tlsDeadline);
    const fail = (error: Error) => {
      clearTimeout(late);
      socket.off('error', fail).on('error', () => undefined);
      socket.destroy();
      tunnel.destroy();
      reject(error);
    };
    socket.once('error', fail);
    // The tunnel's own end says more than the TLS layer's "socket disconnected".
    tunnel.once('error', fail);
    socket.once('secureConnect', () => {
      clearTimeout(late);
      tunnel.off('error', fail).on('error', (error) => socket.destroy(error));
      socket.off('error', fail);
      socket.once('close', () => tunnel.destroy());
      resolve(socket);
    });
  });
}

/** undici says `ref` and `unref` to its sockets; a tunnel keeps no process alive by itself. */
function asSocket(tunnel: Duplex): TLSSocket {
  const socket = Object.assign(tunnel, { ref: () => tunnel, unref: () => tunnel });
  return socket as unknown as TLSSocket;
}
