import { type IncomingMessage, type RequestListener, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ApiError } from '@wadi/api';
import { FrameStream, type FrameStreamOptions, mostFrameBytes } from '@wadi/wire';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { WebSocketServer } from 'ws';

interface Waiting {
  readonly socket: Socket;
  readonly head: Buffer;
}

/** Requests that want another protocol, as long as nobody has answered them. */
const waiting = new WeakMap<IncomingMessage, Waiting>();
const webSockets = new WebSocketServer({
  noServer: true,
  perMessageDeflate: false,
  maxPayload: mostFrameBytes,
});

/** Lets requests that want another protocol take the same way as all others: guard, token, rights, route. */
export function serveUpgrades(server: Server, listener: RequestListener): void {
  // Node says Duplex; of a server of its own it is a Socket, with TLS or without.
  server.on('upgrade', (request, socket: Socket, head) => {
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    // What is no longer read as HTTP closes by itself only here.
    response.once('finish', () => socket.end());
    socket.on('error', () => {});
    waiting.set(request, { socket, head });
    listener(request, response);
  });
}

/** Refuses what is no WebSocket; to be asked before anything is begun for it. */
export function checkUpgrade(request: FastifyRequest): void {
  if (waiting.has(request.raw) && request.headers.upgrade?.toLowerCase() === 'websocket') return;
  throw new ApiError(426, 'UPGRADE_REQUIRED', 'This is a stream of bytes in both directions: a WebSocket', {
    hint: 'send Connection: Upgrade and Upgrade: websocket (RFC 6455)',
  });
}

/** Answers with 101; from then on the connection is the stream. */
export function acceptUpgrade(
  request: FastifyRequest,
  reply: FastifyReply,
  options: FrameStreamOptions,
): Promise<FrameStream> {
  checkUpgrade(request);
  const { socket, head } = waiting.get(request.raw) as Waiting;
  waiting.delete(request.raw);
  reply.hijack();
  return new Promise((resolve, reject) => {
    // A broken handshake is answered by the library, and never called back for.
    socket.once('close', () => reject(new ApiError(499, 'CANCELLED', 'The request was given up')));
    webSockets.handleUpgrade(request.raw, socket, head, (webSocket) =>
      resolve(new FrameStream(webSocket, options)),
    );
  });
}
