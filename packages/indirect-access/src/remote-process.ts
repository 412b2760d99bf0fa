import type { Readable, Writable } from 'node:stream';

export interface SpawnOptions {
  readonly env?: Readonly<Record<string, string>>;
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
