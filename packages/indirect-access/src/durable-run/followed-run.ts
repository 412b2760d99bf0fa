import type { Readable } from 'node:stream';
import type { ExecChannel } from '../engine/engine.ts';
import { AccessError } from '../errors.ts';
import { TokenSplit } from './token-split.ts';

/** How a run came to its end, or why nobody will see it. `dropped`: bytes beyond the limit, which were not kept. */
export interface RunEnd {
  /**
   * `more`: there is more to read; attach again with what is stored by now. `refused`: the request did not arrive whole,
   * or could not be kept: it has not begun. `lost`: the supervisor was killed; `gap`: bytes before the offset are needed
   * and gone.
   */
  readonly how: 'exited' | 'signal' | 'timeout' | 'cancelled' | 'more' | 'refused' | 'lost' | 'gap';
  readonly status: number | null;
  /** Name without SIG. */
  readonly signal: string | null;
  readonly dropped: { readonly stdout: number; readonly stderr: number };
}

/** A run that is read. Losing it does nothing to the run. */
export class FollowedRun {
  /** Both must be read to their ends. They end in an error when the connection is lost. */
  readonly stdout: AsyncIterable<Buffer>;
  readonly stderr: AsyncIterable<Buffer>;
  /** Settles after both. Rejects with CONNECTION_LOST when nobody can say: attach again. */
  readonly end: Promise<RunEnd>;
  readonly #channel: ExecChannel;
  #timer: NodeJS.Timeout | undefined;
  #pause = firstPause;

  constructor(channel: ExecChannel, token: string, name: string) {
    this.#channel = channel;
    channel.stdin.on('error', () => {});
    const soon = () => this.#look(firstPause);
    const stdout = new Lines(channel.stdout, token, name, soon);
    const stderr = new Lines(channel.stderr, token, name, soon);
    this.stdout = stdout;
    this.stderr = stderr;
    this.end = Promise.all([stdout.line, stderr.line]).then(([line]) => parseEnd(line));
    const stop = () => this.#stop();
    this.end.then(stop, stop);
    this.#look(firstPause);
  }

  /** Asks the machine to end the command's process group; `end` tells when that is done. */
  cancel(): void {
    if (!this.#channel.stdin.destroyed) this.#channel.stdin.write('cancel\n');
  }

  /** The end is stored: nothing of the run need stay on the machine. */
  release(): void {
    this.#stop();
    if (!this.#channel.stdin.destroyed) this.#channel.stdin.end('release\n');
    this.#channel.stdout.resume();
    this.#channel.stderr.resume();
    const giveUp = setTimeout(() => this.#channel.close(), releaseDeadline).unref();
    void this.#channel.closed.then(() => clearTimeout(giveUp));
  }

  close(): void {
    this.#stop();
    this.#channel.close();
  }

  /** The machine looks only when it is told to; while output comes that is often. */
  #look(pause: number): void {
    this.#stop();
    this.#pause = pause;
    this.#timer = setTimeout(() => {
      const { stdin } = this.#channel;
      if (stdin.destroyed) return;
      if (stdin.writableLength === 0) stdin.write('\n');
      this.#look(Math.min(this.#pause * 1.6, longestPause));
    }, pause);
  }

  #stop(): void {
    clearTimeout(this.#timer);
  }
}

/** Milliseconds between looks for more. */
const [firstPause, longestPause] = [15, 500];
/** Milliseconds for a machine to remove what it keeps of a run, before the channel is closed. */
const releaseDeadline = 60_000;

class Lines implements AsyncIterable<Buffer> {
  readonly line: Promise<string>;
  readonly #stream: Readable;
  readonly #split: TokenSplit;
  readonly #name: string;
  readonly #heard: () => void;
  #resolve: (line: string) => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor(stream: Readable, token: string, name: string, heard: () => void) {
    this.#stream = stream;
    this.#split = new TokenSplit(token);
    this.#name = name;
    this.#heard = heard;
    this.line = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.line.catch(() => {});
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    let cause: unknown;
    try {
      // The stream outlives this loop: what is said after the line is of no interest, but the channel must go on.
      for await (const chunk of this.#stream.iterator({ destroyOnReturn: false })) {
        const { bytes, line } = this.#split.push(chunk as Buffer);
        this.#heard();
        if (bytes.length > 0) yield bytes;
        if (line === undefined) continue;
        this.#resolve(line);
        return;
      }
    } catch (error) {
      cause = error;
    } finally {
      // Also for who stops reading before the end.
      this.#reject(this.#lost(cause));
    }
    throw this.#lost(cause);
  }

  #lost(cause: unknown): AccessError {
    return new AccessError(`${this.#name}: the connection was lost while a run was followed`, {
      code: 'CONNECTION_LOST',
      hop: this.#name,
      phase: 'command',
      cause,
    });
  }
}

const ends = ['exited', 'signal', 'timeout', 'cancelled', 'lost'] as const;

function parseEnd(line: string): RunEnd {
  const [verb, word, value = '', stdout, stderr] = line.split(' ');
  const end = {
    status: null,
    signal: null,
    dropped: { stdout: bytesIn(stdout), stderr: bytesIn(stderr) },
  };
  if (verb === 'more' || verb === 'refused' || verb === 'gap') return { ...end, how: verb };
  const how = verb === 'end' ? ends.find((each) => each === word) : undefined;
  if (how === 'exited' && /^\d{1,10}$/.test(value)) return { ...end, how, status: Number(value) };
  if (how === 'signal' && /^[A-Z0-9+-]+$/.test(value)) return { ...end, how, signal: value };
  return { ...end, how: how === 'timeout' || how === 'cancelled' ? how : 'lost' };
}

function bytesIn(word = ''): number {
  return /^\d{1,15}$/.test(word) ? Number(word) : 0;
}
