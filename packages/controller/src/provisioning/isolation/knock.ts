import { connect, type Socket } from 'node:net';

/** Milliseconds; whoever lets nobody in does not answer at all. */
const patience = 2_000;

/** Codes of the system that say: there is nobody, or nobody is let in. */
const closed = [
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENETDOWN',
  'EACCES',
  'EPERM',
];

/**
 * A connection on which nothing is sent, or null when nobody answers within two seconds. Whoever gets it destroys it. Throws
 * what says nothing about the other side, e.g. that there are no sockets left.
 */
export function knock(host: string, port: number, signal: AbortSignal): Promise<Socket | null> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const end = (settle: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      settle();
    };
    const giveUp = (settle: () => void) =>
      end(() => {
        socket.destroy();
        settle();
      });
    const onAbort = () => giveUp(() => reject(signal.reason));
    const timer = setTimeout(() => giveUp(() => resolve(null)), patience);
    signal.addEventListener('abort', onAbort, { once: true });
    // Stays: one that is open may still be reset.
    socket.on('error', (error: NodeJS.ErrnoException) =>
      giveUp(() => (closed.includes(error.code ?? '') ? resolve(null) : reject(error))),
    );
    socket.once('connect', () => end(() => resolve(socket)));
  });
}
