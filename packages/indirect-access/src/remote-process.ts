import type { Readable, Writable } from 'node:stream';
import { atHop } from './at-hop.ts';
import { readStart } from './command-start.ts';
import { commandText, killText } from './command-text.ts';
import { onceAborted, withDeadline } from './deadline.ts';
import type { ExecChannel, ExecExit } from './engine/engine.ts';
import { AccessError } from './errors.ts';
import type { Command } from './exec.ts';

export interface SpawnOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Through `sudo -n`; SUDO_REFUSED when that is not allowed. */
  readonly asRoot?: boolean;
  /** Milliseconds; then the process group is ended and `exit` rejects with TIMEOUT. */
  readonly timeout?: number;
  /** Ends the process group; `exit` rejects with CANCELLED. */
  readonly signal?: AbortSignal;
}

/** A running remote command. Both outputs must be read (or resumed), else it stalls, as a local process would. */
export interface RemoteProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Rejects with CONNECTION_LOST when the connection went first: then nobody knows how it ended. */
  readonly exit: Promise<RemoteExit>;
  /** Ends the whole process group: TERM, and KILL after two seconds. Resolves when it has ended. */
  kill(): Promise<void>;
}

export interface RemoteExit {
  readonly status: number | null;
  /** Name without SIG, e.g. `KILL`. */
  readonly signal: string | null;
}

/** How a process reaches the machine it runs on. */
export interface ProcessSite {
  /** Opens a session channel and starts `text` in it; it goes back to the pool when it has ended. */
  start(text: string, options?: StartOptions): Promise<ExecChannel>;
  /** For errors. */
  readonly name: string;
  /** Milliseconds for a shell to start. */
  readonly startDeadline: number;
}

export interface StartOptions {
  readonly signal?: AbortSignal | undefined;
  /** To end what runs in this channel: on its connection if possible, and never waiting for others to end. */
  readonly near?: ExecChannel;
  /** Given the channel when the caller gave up after `text` had been sent: it may run. Default: closes it. */
  abandon?(channel: ExecChannel): void;
}

/** How long an ended process group may take to close its channel. */
const END_GRACE = 5_000;
/** How long it may take to find a way to a process group and to end it, before its channel is just closed. */
const END_DEADLINE = 30_000;

/** `starting` ends only the start; `options.signal` the process as well. */
export async function startProcess(
  site: ProcessSite,
  command: Command,
  options: SpawnOptions = {},
  starting: AbortSignal | undefined = options.signal,
): Promise<ChannelProcess> {
  const { asRoot = false } = options;
  const text = commandText(command, options);
  const channel = await site.start(text.text, {
    signal: starting,
    abandon: (late) => void endWhenStarted(site, late, readStart(late, text, asRoot), asRoot),
  });
  if (text.prelude) channel.stdin.on('error', () => {}).write(text.prelude);
  const started = readStart(channel, text, asRoot);
  const late = () =>
    new AccessError(`the shell started no command within ${site.startDeadline} ms`, {
      code: 'TIMEOUT',
      phase: 'command',
    });
  const limits = { milliseconds: site.startDeadline, signal: starting, late };
  try {
    const groupId = await withDeadline({ ...limits, at: { phase: 'command' } }, () => started);
    return new ChannelProcess(site, channel, groupId, asRoot, options);
  } catch (error) {
    await endWhenStarted(site, channel, started, asRoot);
    throw atHop(error, site.name);
  }
}

/**
 * For a caller who gives up while the shell starts: the command is on its way and cannot be called back, so it is
 * ended when it shows. A shell that takes long does not hold up the caller.
 */
async function endWhenStarted(
  site: ProcessSite,
  channel: ExecChannel,
  started: Promise<number>,
  asRoot: boolean,
): Promise<void> {
  const giveUp = setTimeout(() => channel.close(), site.startDeadline);
  const ended = started
    .then((groupId) => endGroup(site, channel, groupId, asRoot))
    .catch(() => {})
    .finally(() => {
      clearTimeout(giveUp);
      channel.close();
    });
  await atMost(END_GRACE, ended);
}

async function endGroup(
  site: ProcessSite,
  channel: ExecChannel,
  groupId: number,
  asRoot: boolean,
): Promise<void> {
  const late = () => new AccessError('the process group did not end', { code: 'TIMEOUT' });
  try {
    await withDeadline({ milliseconds: END_DEADLINE, late }, async (signal) =>
      drain(await site.start(killText(groupId, asRoot), { near: channel, signal }), signal),
    );
  } catch {
    // No way to it any more; closing the channel is all that is left.
  }
}

async function atMost(milliseconds: number, done: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([done, late]);
  clearTimeout(timer);
}

export class ChannelProcess implements RemoteProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exit: Promise<RemoteExit>;
  readonly #own: Promise<RemoteExit>;
  readonly #site: ProcessSite;
  readonly #channel: ExecChannel;
  readonly #groupId: number;
  readonly #asRoot: boolean;
  readonly #timeout: number | undefined;
  readonly #signal: AbortSignal | undefined;
  #closed = false;
  #killing: Promise<void> | undefined;

  constructor(
    site: ProcessSite,
    channel: ExecChannel,
    groupId: number,
    asRoot: boolean,
    { timeout, signal }: SpawnOptions,
  ) {
    this.#site = site;
    this.#channel = channel;
    this.#groupId = groupId;
    this.#asRoot = asRoot;
    this.stdin = channel.stdin;
    this.stdout = channel.stdout;
    this.stderr = channel.stderr;
    this.#timeout = timeout;
    this.#signal = signal;
    channel.closed.then(() => {
      this.#closed = true;
    });
    this.#own = channel.exit.then((exit) => this.#result(exit));
    this.exit = this.#limited(this.#own);
    this.exit.catch(() => {});
  }

  /** Like `exit`, but later when children of the command still hold its outputs; the limits hold for them too. */
  get end(): Promise<RemoteExit> {
    return this.#limited(this.#own.then((exit) => this.#channel.closed.then(() => exit)));
  }

  kill(): Promise<void> {
    this.#killing ??= this.#kill();
    return this.#killing;
  }

  async #kill(): Promise<void> {
    if (this.#closed) return;
    await endGroup(this.#site, this.#channel, this.#groupId, this.#asRoot);
    await atMost(END_GRACE, this.#channel.closed);
    this.#channel.close();
  }

  #result({ status, signal, lost }: ExecExit): RemoteExit {
    if (status !== undefined || signal !== undefined)
      return { status: status ?? null, signal: signal ?? null };
    throw new AccessError(
      lost
        ? `${this.#site.name}: the connection was lost while the command ran: how it ended is unknown`
        : `${this.#site.name}: the channel was closed without an exit status: how the command ended is unknown`,
      { code: 'CONNECTION_LOST', hop: this.#site.name, phase: 'command' },
    );
  }

  async #limited(own: Promise<RemoteExit>): Promise<RemoteExit> {
    const milliseconds = this.#timeout;
    const signal = this.#signal;
    if (milliseconds === undefined && !signal) return own;
    const at = { hop: this.#site.name, phase: 'command' } as const;
    const late = () =>
      new AccessError(`${this.#site.name}: the command did not end within ${milliseconds} ms`, {
        code: 'TIMEOUT',
        ...at,
      });
    const limit = milliseconds === undefined ? {} : { milliseconds };
    let given = false;
    const giveUp = () => {
      given = true;
      return late();
    };
    try {
      return await withDeadline({ ...limit, signal, late: giveUp, at }, () => own);
    } catch (error) {
      own.catch(() => {});
      if (given || signal?.aborted) await this.kill();
      throw error;
    }
  }
}

/** Reads a small command of ours to its end. */
async function drain(channel: ExecChannel, signal: AbortSignal): Promise<void> {
  onceAborted(signal, () => channel.close());
  channel.stdin.end();
  channel.stdout.resume();
  channel.stderr.resume();
  await channel.exit;
  channel.close();
}
