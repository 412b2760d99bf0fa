import type { Readable } from 'node:stream';

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
