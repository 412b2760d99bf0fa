import { connect, type Socket } from 'node:net';
import type { Deadlines } from './access-options.ts';
import { allowedAddresses } from './allowed-addresses.ts';
import { withDeadline } from './deadline.ts';
import { AccessError, type AccessErrorCode, type Phase } from './errors.ts';
import type { Machine, TcpHop } from './route.ts';

/** Connects from this process. The address that was checked is the one that is dialled: no second resolution. */
export async function dialTcp(
  hop: TcpHop,
  target: Pick<Machine, 'host' | 'port' | 'name'>,
  deadlines: Deadlines,
  signal?: AbortSignal,
  onPhase?: (phase: Phase) => void,
): Promise<Socket> {
  onPhase?.('resolve');
  const addresses = await allowedAddresses(hop, target, deadlines.resolve, signal);
  onPhase?.('dial');
  let failure: unknown;
  for (const address of addresses) {
    try {
      return await dial(address, target, Math.ceil(deadlines.dial / addresses.length), signal);
    } catch (error) {
      if (signal?.aborted) throw error;
      failure = error;
    }
  }
  throw failure;
}

function dial(
  address: string,
  target: Pick<Machine, 'name' | 'port'>,
  milliseconds: number,
  signal?: AbortSignal,
): Promise<Socket> {
  const where = `${target.name} (${address} port ${target.port})`;
  const at = { hop: target.name, phase: 'dial' } as const;
  const late = () =>
    new AccessError(`${where}: no answer`, {
      code: 'CONNECTION_TIMEOUT',
      hint: hints.CONNECTION_TIMEOUT,
      retryable: true,
      ...at,
    });
  return withDeadline(
    { milliseconds, signal, late, at },
    (ended) =>
      new Promise((resolve, reject) => {
        const socket = connect({ host: address, port: target.port, noDelay: true });
        const onAbort = () => socket.destroy();
        const onError = (error: NodeJS.ErrnoException) => {
          ended.removeEventListener('abort', onAbort);
          const code = codes[error.code ?? ''] ?? 'NETWORK_UNREACHABLE';
          reject(
            new AccessError(`${where}: ${words[code]}`, {
              ...{ code, retryable: true, cause: error, hint: hints[code], ...at },
            }),
          );
        };
        ended.addEventListener('abort', onAbort, { once: true });
        socket.once('error', onError);
        socket.once('connect', () => {
          ended.removeEventListener('abort', onAbort);
          socket.off('error', onError);
          resolve(socket);
        });
      }),
  );
}

const codes: Readonly<Record<string, AccessErrorCode>> = {
  ECONNREFUSED: 'CONNECTION_REFUSED',
  ECONNRESET: 'CONNECTION_REFUSED',
  ETIMEDOUT: 'CONNECTION_TIMEOUT',
};

const words: Partial<Record<AccessErrorCode, string>> = {
  CONNECTION_REFUSED: 'connection refused: nothing listens there, or a firewall rejects it',
  CONNECTION_TIMEOUT: 'no answer',
  NETWORK_UNREACHABLE: 'no way to that network from here',
};

const hints: Partial<Record<AccessErrorCode, string>> = {
  CONNECTION_REFUSED: 'is its sshd running, does it listen on this port, and does a firewall reject?',
  CONNECTION_TIMEOUT: 'the machine is off, or a firewall drops the packets',
  NETWORK_UNREACHABLE:
    'is the address right, is the machine on, and has the controller a route to its network?',
};
