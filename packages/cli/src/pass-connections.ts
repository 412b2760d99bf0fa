import { once } from 'node:events';
import { Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { usageError } from './command-error.ts';

type Open = (signal: AbortSignal) => Promise<Duplex>;

/** A server whose connections all go to the same place. Emits `refused` with the reason when one could not be passed on. */
class PassingServer extends Server {
  readonly #open = new Set<Socket>();

  constructor(open: Open) {
    // Who has said everything may still wait for the answer.
    super({ allowHalfOpen: true, noDelay: true });
    this.on('connection', (socket) => {
      this.#open.add(socket);
      socket.once('close', () => this.#open.delete(socket));
      passOn(socket, open).catch((error) => {
        if (this.listening) this.emit('refused', error);
      });
    });
  }

  /** Ends every connection, too. */
  async stop(): Promise<void> {
    const closed = once(this, 'close');
    this.close();
    for (const socket of this.#open) socket.destroy();
    await closed;
  }
}

export type { PassingServer };

/** Listens there and passes every connection on to what is opened for it. */
export async function passConnections(
  { host, port }: { readonly host: string; readonly port: number },
  open: Open,
): Promise<PassingServer> {
  const server = new PassingServer(open);
  server.listen({ host, port });
  try {
    await once(server, 'listening');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw usageError(
      `cannot listen at ${host}:${port}: ${code}`,
      code === 'EADDRINUSE' ? 'Choose another: --listen' : undefined,
    );
  }
  return server;
}

async function passOn(socket: Socket, open: Open): Promise<void> {
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  // 'close' follows.
  socket.on('error', () => {});
  try {
    join(socket, await open(gone.signal));
  } catch (error) {
    socket.resetAndDestroy();
    if (!gone.signal.aborted) throw error;
  }
}

/** An end is passed on, and a break breaks the other side. */
function join(socket: Socket, stream: Duplex): void {
  if (socket.destroyed) return void stream.destroy();
  stream.on('error', () => socket.resetAndDestroy());
  stream.once('close', () => {
    if (!socket.writableEnded) socket.resetAndDestroy();
  });
  socket.once('close', () => {
    if (!stream.readableEnded || !stream.writableEnded) stream.destroy();
  });
  socket.pipe(stream);
  stream.pipe(socket);
}
