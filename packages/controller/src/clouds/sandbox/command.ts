import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { ServerChannel } from 'ssh2';
import { type ProcessGroups, signalGroup } from './process-groups.ts';
import type { SandboxUser } from './sandbox-user.ts';

/** Where a machine's commands run. */
export interface Place {
  readonly instanceId: string;
  readonly home: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly user: SandboxUser | undefined;
  readonly groups: ProcessGroups;
}

/** A command or shell that runs for an SSH channel. */
export interface RunningCommand {
  /** `name` without SIG; false: not one that may be sent. */
  signal(name: string): boolean;
  /** The channel is gone: what does not ignore that ends. */
  hangUp(): void;
}

/** RFC 4254 section 6.9. */
const sendable = new Set([
  'ABRT',
  'ALRM',
  'FPE',
  'HUP',
  'ILL',
  'INT',
  'KILL',
  'PIPE',
  'QUIT',
  'SEGV',
  'TERM',
  'USR1',
  'USR2',
]); // prettier-ignore

/** Runs by the shell's own hand, so that the umask is the machine's and no core file is ever left. */
const PREFACE = 'umask 022; ulimit -c 0; cd "$HOME" || exit; ';

/** Starts a command as sshd does, `text` null: a shell that reads its commands from the channel. */
export function startCommand(channel: ServerChannel, text: string | null, place: Place): RunningCommand {
  const args =
    text === null ? ['-c', `${PREFACE}exec /bin/sh`] : ['-c', `${PREFACE}exec /bin/sh -c "$1"`, 'sh', text];
  let child: ChildProcess;
  try {
    // The one place in Wadi that hands text to a local shell: a sandbox machine is exactly that.
    child = spawn('/bin/sh', args, {
      cwd: '/',
      env: { ...place.environment },
      stdio: 'pipe',
      // A session and process group of its own, to end it as a whole.
      detached: true,
      ...place.user,
    });
  } catch (error) {
    return refuse(channel, error as Error);
  }
  if (child.pid === undefined) {
    child.on('error', (error) => refuse(channel, error));
    return { signal: () => false, hangUp: () => undefined };
  }
  return attach(channel, child, child.pid, place);
}

function attach(channel: ServerChannel, child: ChildProcess, pid: number, place: Place): RunningCommand {
  place.groups.add(pid, place.instanceId);
  const { stdin, stdout, stderr } = child as ChildProcess & {
    stdin: Writable;
    stdout: Readable;
    stderr: Readable;
  };
  let over = false;
  for (const stream of [child, stdin, stdout, stderr, channel]) stream.on('error', () => undefined);
  channel.pipe(stdin);
  const gate = new OutputGate(channel);
  const drained = Promise.all([gate.pump(stdout, channel), gate.pump(stderr, channel.stderr)]);
  child.on('exit', () => place.groups.leaderEnded(pid));
  child.on('close', async (status, signal) => {
    await drained;
    if (over) return;
    over = true;
    channel.unpipe(stdin);
    if (status === null) channel.exit((signal ?? 'SIGKILL').slice(3));
    else channel.exit(status);
    channel.end();
    // Without a reader the channel's own end would never be seen.
    channel.resume();
  });
  return {
    signal: (name) => sendable.has(name) && signalGroup(pid, `SIG${name}` as NodeJS.Signals),
    hangUp: () => {
      if (over) return;
      over = true;
      gate.close();
      for (const stream of [stdin, stdout, stderr]) stream.destroy();
      signalGroup(pid, 'SIGHUP');
    },
  };
}

function refuse(channel: ServerChannel, error: Error): RunningCommand {
  channel.on('error', () => undefined);
  channel.stderr.write(`sh: the command cannot be started: ${error.message}\n`, () => {
    channel.exit(126);
    channel.end();
    channel.resume();
  });
  return { signal: () => false, hangUp: () => undefined };
}

/** What ssh2 keeps of a chunk that waits for the peer's window. */
interface WaitingChunks {
  _chunk: unknown;
  _chunkcb: unknown;
  _chunkErr: unknown;
  _chunkcbErr: unknown;
}

/**
 * Writes standard output and standard error one chunk at a time, and clears what ssh2 1.17.0 remembers of each. It
 * never forgets a chunk that once waited for the window, and would send it again, or call its callback twice, when
 * the other stream waits (the handler of CHANNEL_WINDOW_ADJUST in its server.js).
 */
class OutputGate {
  readonly #channel: ServerChannel;
  readonly #closed: Promise<void>;
  close: () => void = () => undefined;
  #last: Promise<void> = Promise.resolve();
  #open = true;

  constructor(channel: ServerChannel) {
    this.#channel = channel;
    this.#closed = new Promise((resolve) => {
      this.close = () => {
        this.#open = false;
        resolve();
      };
    });
  }

  async pump(from: Readable, to: Writable): Promise<void> {
    try {
      for await (const chunk of from) {
        this.#last = this.#last.then(() => this.#write(chunk, to));
        await this.#last;
        if (!this.#open) return;
      }
    } catch {
      // The stream was destroyed: the channel is gone.
    }
  }

  async #write(chunk: Buffer, to: Writable): Promise<void> {
    if (!this.#open) return;
    const written = new Promise<void>((resolve) => to.write(chunk, () => resolve()));
    await Promise.race([written, this.#closed]);
    const kept = this.#channel as unknown as WaitingChunks;
    kept._chunk = kept._chunkcb = kept._chunkErr = kept._chunkcbErr = undefined;
  }
}
