import { atHop } from './at-hop.ts';
import type { ChannelKind, ConnectionGroup, Lease } from './connection-group.ts';
import { withDeadline } from './deadline.ts';
import { ChannelOpenError, type SshConnection } from './engine/engine.ts';
import { AccessError } from './errors.ts';
import type { Machine } from './route.ts';
import { withReason } from './with-reason.ts';

export interface OpenChannelOptions<T> {
  readonly kind: ChannelKind;
  readonly machine: Machine;
  readonly milliseconds: number;
  readonly replaceLost: boolean;
  readonly signal?: AbortSignal | undefined;
  /** To call `granted` once the server has opened the channel. */
  open(ssh: SshConnection, signal: AbortSignal, granted: () => void): Promise<T>;
  /** Ends a channel that opened after its caller had given up, and then releases the lease. */
  discard(channel: T, lease: Lease): void;
}

/**
 * Takes a lease and opens a channel on it. Nothing has run before a channel is open, so a connection that turns
 * out to be dead, or too full, is replaced and it is tried again; after that never.
 */
export async function openChannel<T>(
  findGroup: () => ConnectionGroup,
  options: OpenChannelOptions<T>,
): Promise<{ channel: T; lease: Lease }> {
  const { kind, machine, milliseconds, signal } = options;
  for (let attempt = 1; ; attempt += 1) {
    // Found anew each time: one that has lost its last connection is no longer in the pool.
    const group = findGroup();
    const lease = await group.acquire(kind, signal);
    const { connection } = lease;
    let opening = true;
    let granted = false;
    const grant = () => {
      granted = true;
      lease.granted();
    };
    const open = async (ended: AbortSignal): Promise<T> => {
      try {
        return await options.open(connection.ssh, ended, grant);
      } catch (error) {
        if (!opening) lease.release();
        throw error;
      } finally {
        opening = false;
      }
    };
    try {
      const channel = await withDeadline(
        {
          milliseconds,
          signal,
          at: { hop: machine.name, phase: 'channel' },
          // A request follows at once on the grant: without its answer nobody knows whether the command started.
          late: () => lateError(machine, milliseconds, !granted),
          discard: (late) => options.discard(late, lease),
        },
        open,
      );
      grant();
      return { channel, lease };
    } catch (error) {
      const again = attempt < 12 && mayTryAgain(group, lease, options, error, attempt);
      // While the server has yet to answer, the channel is its and counts.
      if (!opening) lease.release();
      opening = false;
      if (!again) throw describe(error, machine, kind);
    }
  }
}

function mayTryAgain(
  group: ConnectionGroup,
  { connection }: Lease,
  { kind, replaceLost }: Pick<OpenChannelOptions<unknown>, 'kind' | 'replaceLost'>,
  error: unknown,
  attempt: number,
): boolean {
  // A session is opened by sshd alone; a stream waits for somebody else, who proves nothing about the connection.
  const late = error instanceof AccessError && error.code === 'TIMEOUT';
  if (late && kind !== 'stream') connection.retire();
  if (error instanceof AccessError)
    return replaceLost && error.code === 'CONNECTION_LOST' && error.retryable && attempt < 3;
  // Reason 0 is a request refused on a channel that was granted: no question of room.
  if (error instanceof ChannelOpenError && kind !== 'stream' && error.reason > 0) {
    return group.learnSessionLimit(connection);
  }
  return false;
}

function lateError(machine: Machine, milliseconds: number, retryable: boolean): AccessError {
  return new AccessError(`${machine.name}: opened no channel within ${milliseconds} ms`, {
    code: 'TIMEOUT',
    hop: machine.name,
    phase: 'channel',
    retryable,
  });
}

/** A refused stream keeps its reason code: the tunnel knows what it means. */
function describe(error: unknown, machine: Machine, kind: ChannelKind): unknown {
  if (error instanceof ChannelOpenError) {
    if (kind === 'stream') return error;
    return new AccessError(withReason(`${machine.name}: refused a session`, error.message), {
      code: 'CHANNEL_REFUSED',
      hop: machine.name,
      phase: 'channel',
      hint: 'MaxSessions 0, or an account that may only forward',
      cause: error,
    });
  }
  return atHop(error, machine.name, 'channel');
}
