import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Route } from './route.ts';
import type { Sessions, TunnelTarget } from './session.ts';

export interface ForwardOptions extends TunnelTarget {
  /** Default 127.0.0.1 and any free port. */
  readonly listen?: { readonly host?: string; readonly port?: number };
  /** Told why a connection could not be passed on; its client only sees a reset. */
  readonly onError?: (error: Error) => void;
}

export interface LocalForward {
  readonly host: string;
  readonly port: number;
  /** Stops listening and ends every connection that passes through. May be called twice. */
  close(): Promise<void>;
}

/** Listens here and passes every connection on to a port of the machine. */
export async function localForward(
  sessions: Sessions,
  route: Route,
  options: ForwardOptions,
): Promise<LocalForward> {
  const open = new Set<Socket>();
  let closed = false;
  // allowHalfOpen: a client that has said everything still waits for its answer.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    passOn(socket, (signal) => sessions.tunnel(route, options, { signal })).catch((error: Error) => {
      if (!closed) options.onError?.(error);
    });
  });
  server.listen({ host: options.listen?.host ?? '127.0.0.1', port: options.listen?.port ?? 0 });
  await once(server, 'listening'); // rejects on 'error'
  const { address, port } = server.address() as AddressInfo;
  const ended = once(server, 'close');
  return {
    host: address,
    port,
    async close() {
      closed = true;
      server.close();
      for (const socket of open) socket.destroy();
      await ended;
    },
  };
}

async function passOn(socket: Socket, open: (signal: AbortSignal) => Promise<Duplex>): Promise<void> {
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  socket.on('error', () => undefined); // 'close' follows, and ends the tunnel
  try {
    const tunnel = await open(gone.signal);
    if (socket.destroyed) return void tunnel.destroy();
    join(socket, tunnel);
  } catch (error) {
    socket.resetAndDestroy();
    throw error;
  }
}

/** `pipe` carries an end over and waits for the slower side; a break on one side must break the other. */
function join(socket: Socket, tunnel: Duplex): void {
  tunnel.on('error', () => socket.resetAndDestroy());
  tunnel.once('close', () => {
    if (!socket.writableEnded) socket.resetAndDestroy();
  });
  socket.once('close', () => {
    // After two proper ends the tunnel closes by itself, once what it still holds is sent.
    if (!tunnel.readableEnded || !tunnel.writableEnded) tunnel.destroy();
  });
  socket.pipe(tunnel);
  tunnel.pipe(socket);
}
