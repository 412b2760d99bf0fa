// Runs in a machine's network: peers that do not behave as an SSH server should.
import { connect, createServer, type Socket } from 'node:net';

/** Accepts and never speaks. */
const silent = (): void => undefined;

/** Speaks without end, and never introduces itself as SSH. */
function noisy(socket: Socket): void {
  const timer = setInterval(() => socket.write('noise\r\n'.repeat(2000)), 5);
  socket.once('close', () => clearInterval(timer));
}

/** Lines before the identification are allowed (RFC 4253 section 4.2); then it is the machine's own sshd. */
function talkative(socket: Socket): void {
  const sshd = connect(22, '127.0.0.1');
  sshd.on('error', () => socket.destroy());
  socket.once('close', () => sshd.destroy());
  socket.write('Welcome, stranger!\r\nAll of this is noise, SSH-2.0- not at its start.\r\n');
  socket.pipe(sshd).pipe(socket);
}

const peers: readonly [number, (socket: Socket) => void][] = [
  [9101, silent],
  [9102, noisy],
  [9103, talkative],
];
for (const [port, behave] of peers) {
  const server = createServer((socket) => {
    // Read, so that it notices when the other side goes.
    socket.on('error', () => undefined).resume();
    behave(socket);
  });
  await new Promise<void>((resolve) => server.listen(port, resolve));
}
console.log('listening');
