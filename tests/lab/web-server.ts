// Runs in a machine's network: HTTP on 9080, HTTPS on 9443, a WebSocket echo (RFC 6455) on both, and on 9000 a TCP
// server that answers with what it got, once its client has said everything. The certificate arrives on stdin.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';

const { key, cert } = JSON.parse(await text(process.stdin)) as { key: string; cert: string };
let connections = 0;

const answer: RequestListener = (request, response) => {
  if (request.url === '/silent') return;
  if (request.url === '/cut') return void request.socket.destroy();
  if (request.url === '/large') return void response.end(Buffer.alloc(8 << 20, 'x'));
  if (request.method === 'POST') return void request.pipe(response);
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ host: request.headers.host, connections }));
};

function upgrade(request: IncomingMessage, socket: Duplex): void {
  const accept = createHash('sha1')
    .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.on('error', () => undefined);
  let received = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    // Only short, unfragmented frames, as the test sends them.
    for (let length = frameLength(received); received.length >= length; length = frameLength(received)) {
      const frame = received.subarray(0, length);
      received = received.subarray(length);
      const data = frame.subarray(6).map((byte, index) => byte ^ (frame[2 + (index % 4)] ?? 0));
      socket.write(Buffer.concat([Buffer.from([frame[0] ?? 0, data.length]), data]));
      if (((frame[0] ?? 0) & 15) === 8) socket.end();
    }
  });
}

function frameLength(received: Buffer): number {
  return 6 + ((received[1] ?? 0) & 127);
}

const web = createServer(answer).on('upgrade', upgrade);
const secure = createSecureServer({ key, cert }, answer).on('upgrade', upgrade);
for (const server of [web, secure]) server.on('connection', () => (connections += 1));
const echo = createTcpServer({ allowHalfOpen: true }, (socket) => {
  const chunks: Buffer[] = [];
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('end', () => socket.end(Buffer.concat(chunks)));
});
await Promise.all(
  (
    [
      [web, 9080],
      [secure, 9443],
      [echo, 9000],
    ] as const
  ).map(([server, port]) => new Promise<void>((resolve) => server.listen(port, resolve))),
);
console.log('listening');
