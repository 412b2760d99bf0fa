import { Duplex } from 'node:stream';
import { onceAborted } from './deadline.ts';
import type { TerminalChannel, TerminalRequest, TerminalSize } from './engine/engine.ts';
import { AccessError } from './errors.ts';
import type { RemoteExit } from './remote-process.ts';
import type { Route } from './route.ts';

export interface TerminalOptions extends TerminalSize {
  /** Kind of terminal; default `xterm-256color`. */
  readonly term?: string;
  /** A login shell of root, by `sudo -n`. */
  readonly asRoot?: boolean;
  /** Closes the terminal. */
  readonly signal?: AbortSignal;
}

/** What somebody sees and types. Its end is that of what ran in it, whose `exit` is known then. */
export interface RemoteTerminal {
  readonly stream: Duplex;
  resize(size: TerminalSize): void;
  /** Rejects with CONNECTION_LOST when the connection went first. */
  readonly exit: Promise<RemoteExit>;
  close(): void;
}

const termPattern = /^[A-Za-z0-9][A-Za-z0-9+._-]{0,63}$/;
const mostCharacters = 10_000;

export async function openTerminal(
  open: (request: TerminalRequest, signal?: AbortSignal) => Promise<TerminalChannel>,
  { machine }: Route,
  { columns, rows, term = 'xterm-256color', asRoot = false, signal }: TerminalOptions,
): Promise<RemoteTerminal> {
  check(termPattern.test(term), `term ${JSON.stringify(term)} is no kind of terminal`);
  checkSize({ columns, rows });
  // Without a password sudo says so in the terminal, and ends.
  const command = asRoot ? { command: 'exec sudo -n -i' } : {};
  const channel = await open({ columns, rows, term, ...command }, signal);
  channel.stderr.resume();
  const close = () => channel.close();
  if (signal) onceAborted(signal, close);
  const exit = channel.exit.then(({ status, signal: name }): RemoteExit => {
    signal?.removeEventListener('abort', close);
    if (status !== undefined || name !== undefined) return { status: status ?? null, signal: name ?? null };
    throw new AccessError(`${machine.name}: the connection was lost: what ran in the terminal was hung up`, {
      code: 'CONNECTION_LOST',
      hop: machine.name,
      phase: 'command',
    });
  });
  exit.catch(() => {});
  const stream = new TerminalStream(channel, exit);
  stream.on('error', () => {});
  return {
    stream,
    exit,
    close,
    resize: (size) => {
      checkSize(size);
      channel.resize(size);
    },
  };
}

/** Ends when it is known how what ran there ended. What is typed after that goes nowhere. */
class TerminalStream extends Duplex {
  readonly #channel: TerminalChannel;

  constructor(channel: TerminalChannel, exit: Promise<RemoteExit>) {
    super();
    this.#channel = channel;
    const { stdout } = channel;
    stdout.on('data', (chunk) => {
      if (!this.push(chunk)) stdout.pause();
    });
    stdout.once('end', () => {
      exit.then(
        () => this.push(null),
        (error) => this.destroy(error),
      );
    });
    stdout.once('error', (error) => this.destroy(error));
  }

  override _read(): void {
    this.#channel.stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const { stdin } = this.#channel;
    if (stdin.writable) stdin.write(chunk, () => done());
    else done();
  }

  override _final(done: () => void): void {
    this.#channel.stdin.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#channel.close();
    done(error);
  }
}

function checkSize({ columns, rows }: TerminalSize): void {
  for (const [name, value] of Object.entries({ columns, rows }))
    check(
      Number.isInteger(value) && value > 0 && value <= mostCharacters,
      `${name} ${value}: a terminal has 1 to ${mostCharacters}`,
    );
}

function check(ok: boolean, message: string): void {
  if (!ok) throw new AccessError(message, { code: 'INVALID_ARGUMENT', phase: 'command' });
}
