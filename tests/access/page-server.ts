// Runs in a machine's network: HTTP on port 9090 that shows what reached it. Tests ask it about itself at /state.
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';

let endless = 0;
let hostile = 0;

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://x');
  if (pathname === '/state') return void response.end(JSON.stringify({ endless, hostile }));
  if (pathname === '/endless') {
    endless += 1;
    const timer = setInterval(() => response.write('tick\n'), 20);
    response.once('close', () => {
      endless -= 1;
      clearInterval(timer);
    });
    return;
  }
  if (pathname === '/silent') return;
  if (pathname === '/cut') return void request.socket.destroy();
  if (pathname === '/echo') return void request.pipe(response);
  if (pathname === '/moved') {
    response.writeHead(302, { Location: '/elsewhere', 'Set-Cookie': 'a=b', 'X-Machine': 'yes' });
    return void response.end();
  }
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers }));
});
/** Says what node:http would not: whatever stands after `?`, as it is. */
const hostileServer = createTcpServer((socket) => {
  socket.on('error', () => undefined);
  socket.once('data', (request) => {
    const [, text = ''] = /^[A-Z]+ \/\?(\S*)/.exec(request.toString('latin1')) ?? [];
    socket.write(`HTTP/1.1 ${decodeURIComponent(text)}`);
    hostile += 1;
    const more = setInterval(() => socket.write('x'.repeat(65_536)), 20);
    socket.once('close', () => {
      hostile -= 1;
      clearInterval(more);
    });
  });
});
const garbage = createTcpServer((socket) => {
  socket.on('error', () => undefined);
  socket.end('this is not HTTP\r\n\r\n');
});
await new Promise<void>((resolve) => server.listen(9090, resolve));
await new Promise<void>((resolve) => garbage.listen(9091, resolve));
await new Promise<void>((resolve) => hostileServer.listen(9092, resolve));
console.log('listening');
