import { Readable, type Writable } from 'node:stream';
import { AccessError } from './errors.ts';
import { OutputCollector } from './output-collector.ts';
import type { ChannelProcess, RemoteProcess } from './remote-process.ts';

/** A string is shell text for /bin/sh; an array is a program and its arguments, quoted word by word. */
export type Command = string | readonly string[];

export interface ExecOptions {
  /** Absent: an empty input. */
  readonly stdin?: string | Buffer | Readable;
  readonly env?: Readonly<Record<string, string>>;
  /** Through `sudo -n`; SUDO_REFUSED when that is not allowed. */
  readonly asRoot?: boolean;
  /** Milliseconds from the start of the command; then its whole process group is ended: TIMEOUT. */
  readonly timeout?: number;
  /** Ends the whole remote process group: CANCELLED. */
  readonly signal?: AbortSignal;
  /** Kept per stream; the rest is read, counted and dropped. Default 1 MiB. */
  readonly maxOutputBytes?: number;
}

/** A command that ran to its end. A non-zero status is a result, not an error. */
export interface ExecResult {
  /** null when a signal ended it. */
  readonly status: number | null;
  /** Name without SIG, e.g. `KILL`. */
  readonly signal: string | null;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly stdoutTruncated: boolean;
  readonly stderrTruncated: boolean;
  /** How much there was in all. */
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
}

/** Feeds a started process and reads it to its end. */
export async function runToEnd(
  process: ChannelProcess,
  { stdin, maxOutputBytes = 1024 * 1024 }: Pick<ExecOptions, 'stdin' | 'maxOutputBytes'>,
): Promise<ExecResult> {
  const stdout = new OutputCollector(process.stdout, maxOutputBytes);
  const stderr = new OutputCollector(process.stderr, maxOutputBytes);
  const input = feed(process, stdin);
  input.catch(() => {});
  const exit = await process.end;
  await Promise.all([stdout.ended, stderr.ended]);
  await input;
  return {
    ...exit,
    stdout: stdout.bytes,
    stderr: stderr.bytes,
    stdoutTruncated: stdout.truncated,
    stderrTruncated: stderr.truncated,
    stdoutBytes: stdout.total,
    stderrBytes: stderr.total,
  };
}

/** Resolves also when the command did not want all of its input; rejects only when the source itself failed. */
async function feed(process: RemoteProcess, input: ExecOptions['stdin']): Promise<void> {
  const { stdin } = process;
  if (!(input instanceof Readable)) {
    stdin.end(input ?? '');
    return;
  }
  if (stdin.destroyed) input.destroy();
  else stdin.once('close', () => input.destroy());
  try {
    for await (const chunk of input) {
      if (!stdin.write(chunk)) await writable(stdin);
      if (stdin.destroyed) return;
    }
    stdin.end();
  } catch (cause) {
    if (stdin.destroyed) return;
    // No end of input here: half of it must not look like all of it.
    await process.kill();
    throw new AccessError('the input of the command failed', {
      code: 'COMMAND_FAILED',
      phase: 'command',
      cause,
    });
  }
}

function writable(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done).off('close', done);
      resolve();
    };
    if (stream.destroyed || !stream.writableNeedDrain) return resolve();
    stream.on('drain', done).on('close', done);
  });
}
