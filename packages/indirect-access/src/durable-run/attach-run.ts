import { randomBytes } from 'node:crypto';
import { atHop } from '../at-hop.ts';
import { readAnnouncement } from '../command-start.ts';
import { withDeadline } from '../deadline.ts';
import type { ExecChannel } from '../engine/engine.ts';
import { AccessError } from '../errors.ts';
import { quote, quoteAll } from '../quote.ts';
import type { ProcessSite } from '../remote-process.ts';
import { FollowedRun } from './followed-run.ts';
import { followRequest, type RunOffsets, type RunSpec, startRequest } from './run-request.ts';
import { runScript } from './run-script.ts';

export interface AttachOptions {
  /** A UUID. */
  readonly id: string;
  /**
   * True: nobody can have begun it yet, and its directory is made. False: it is only looked for, and where it is missing
   * nothing may be started.
   */
  readonly first: boolean;
  readonly asRoot?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * `fresh`: it has not begun, which its directory proves. `begun`: it runs or has ended. `rebooted`: it belongs to another
 * boot of the machine; `missing`: there is no trace of it. Of these two nobody can say what became of it.
 */
export type RunState = 'fresh' | 'begun' | 'rebooted' | 'missing';

/** A channel to where a run is, or will be. Nothing has happened yet. */
export interface AttachedRun {
  readonly state: RunState;
  readonly bootId: string;
  /** Only a `fresh` one. Of any number of attempts, from wherever, one begins it; the others follow that. */
  start(spec: RunSpec): FollowedRun;
  /** Only one that has `begun`. What lies before the offsets is forgotten on the machine. */
  follow(offsets: RunOffsets): FollowedRun;
  /** Removes what is kept of it, whatever its state. */
  remove(): Promise<void>;
  close(): void;
}

const announcement = /^(fresh|begun|rebooted|missing) [0-9A-Za-z-]+$/;
const again = 'eval "$1"';

/** Looks for a run on a machine, in a channel in which it can then be started or followed at no further round trip. */
export async function attachRun(
  site: ProcessSite,
  { id, first, asRoot = false, signal }: AttachOptions,
  user: string,
): Promise<AttachedRun> {
  if (!/^[0-9a-f-]{36}$/.test(id))
    throw new AccessError('not an id for a run', { code: 'INVALID_ARGUMENT', phase: 'command' });
  const [marker, shellMarker, token] = [newToken(), newToken(), newToken()];
  const words = [runScript, marker, id, first ? 'new' : 'again', asRoot || user === 'root' ? 'root' : 'user'];
  const script = asRoot ? `echo ${shellMarker}; exec sudo -n -- /bin/sh -c ${quote(again)} sh "$@"` : again;
  const text = `exec /bin/sh -c ${quote(script)} sh ${quoteAll(words)}`;
  const channel = await site.start(text, { signal });
  const late = () =>
    new AccessError(`${site.name}: the shell answered nothing within ${site.startDeadline} ms`, {
      code: 'TIMEOUT',
      phase: 'command',
    });
  try {
    const limits = { milliseconds: site.startDeadline, signal, late, at: { phase: 'command' } as const };
    const told = await withDeadline(limits, () =>
      readAnnouncement(channel, { marker, shellMarker }, asRoot, announcement),
    );
    const [state, bootId] = told.split(' ') as [RunState, string];
    return attached(channel, { state, bootId, token, name: site.name });
  } catch (error) {
    channel.close();
    throw atHop(error, site.name);
  }
}

function attached(
  channel: ExecChannel,
  { state, bootId, token, name }: { state: RunState; bootId: string; token: string; name: string },
): AttachedRun {
  const request = (text: string) => {
    const run = new FollowedRun(channel, token, name);
    channel.stdin.write(text);
    return run;
  };
  return {
    state,
    bootId,
    start: (spec) => request(startRequest(token, spec)),
    follow: (offsets) => request(followRequest(token, offsets)),
    async remove() {
      channel.stdin.on('error', () => {}).end('remove\n');
      channel.stdout.resume();
      channel.stderr.resume();
      await channel.exit;
      channel.close();
    },
    close: () => channel.close(),
  };
}

function newToken(): string {
  return randomBytes(12).toString('hex');
}
