import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { cancelled, withDeadline } from './deadline.ts';
import { AccessError } from './errors.ts';
import type { ExecResult } from './exec.ts';
import { type Edited, replaceLines, replaceText } from './remote-files-edit.ts';
import { fileError } from './remote-files-error.ts';
import { CHANGED, placeScript, readForEditScript, readScript } from './remote-files-scripts.ts';
import type { RemoteProcess } from './remote-process.ts';
import type { Route } from './route.ts';
import type { Sessions } from './session.ts';

export interface FilesOptions {
  /** Through `sudo -n`. */
  readonly asRoot?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Files of one machine, as its login user or as root. A relative path starts at the login user's home.
 *
 * Every change is atomic: the new content is written to a temporary directory beside the old file (mode 0700), flushed
 * to disk and renamed over it, so readers see the old or the new file, and after a failure the old one. Owner, group
 * and mode are kept; when they cannot be, nothing is changed (PERMISSION_DENIED). A symbolic link is followed: the
 * file it points to changes, the link stays; but not one that another user put into a directory for all (`/tmp`). Hard links, ACLs and extended attributes are not carried over.
 *
 * Errors: FILE_NOT_FOUND, PERMISSION_DENIED, SUDO_REFUSED, FILE_FAILED (a directory, disk full, read-only, …),
 * CONNECTION_LOST (a `write` may have happened or not), CANCELLED.
 */
export interface RemoteFiles {
  /** FILE_FAILED when there are more than `maxBytes` (default 128 MiB). */
  read(path: string, options?: { maxBytes?: number }): Promise<Buffer>;
  /** Resolves when the file is open; the stream fails unless it arrived to its end. */
  readStream(path: string): Promise<Readable>;
  /** `mode`: absent, an existing file keeps its own and a new one gets 0644 less the umask. */
  write(path: string, data: string | Buffer | Readable, options?: { mode?: number }): Promise<void>;
  /** The file is made when it is not there. */
  append(path: string, data: string | Buffer): Promise<void>;
  /** The file is made when it is not there. */
  prepend(path: string, data: string | Buffer): Promise<void>;
  /**
   * Gives the file the content that `edit` makes of it, unless that is null; returns whether it was changed. Read again when
   * somebody else changes it meanwhile, so `edit` may be called several times.
   */
  edit(path: string, edit: (content: Buffer) => Buffer | null): Promise<boolean>;
  /** Replaces every occurrence and returns how many there were. In a RegExp's replacement `$1` has its meaning. */
  replace(path: string, search: string | RegExp, replacement: string): Promise<number>;
  /** Replaces every line that starts with a string, or in which a RegExp matches; returns how many there were. */
  replaceLine(path: string, match: string | RegExp, line: string): Promise<number>;
}

export function remoteFiles(sessions: Sessions, route: Route, options: FilesOptions = {}): RemoteFiles {
  return new FilesOverSessions(sessions, route, options);
}

const defaultMaxBytes = 128 << 20;
const editAttempts = 5;

/** Changes under way, by machine and path: of two edits at once the later would undo the earlier. */
const changes = new WeakMap<Sessions, Map<string, Promise<unknown>>>();

class FilesOverSessions implements RemoteFiles {
  readonly #sessions: Sessions;
  readonly #route: Route;
  readonly #options: FilesOptions;

  constructor(sessions: Sessions, route: Route, options: FilesOptions) {
    this.#sessions = sessions;
    this.#route = route;
    this.#options = options;
  }

  async read(path: string, options: { maxBytes?: number } = {}): Promise<Buffer> {
    const maxBytes = options.maxBytes ?? defaultMaxBytes;
    const stream = await this.readStream(path);
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) throw this.#error('read', path, 0, `it has more than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, size);
  }

  async readStream(path: string): Promise<Readable> {
    const process = await this.#sessions.spawn(this.#route, script(readScript, named(path)), this.#options);
    process.stdin.end();
    const content = this.#content(process, path);
    await content.next(); // the byte that says it is open, or the reason why not
    return Readable.from(content, { objectMode: false });
  }

  write(path: string, data: string | Buffer | Readable, options: { mode?: number } = {}): Promise<void> {
    return this.#inTurn(path, () => this.#place('write', path, data, { mode: options.mode }));
  }

  append(path: string, data: string | Buffer): Promise<void> {
    return this.#inTurn(path, () => this.#place('append', path, data));
  }

  prepend(path: string, data: string | Buffer): Promise<void> {
    return this.#inTurn(path, () => this.#place('prepend', path, data));
  }

  async edit(path: string, edit: (content: Buffer) => Buffer | null): Promise<boolean> {
    const count = await this.#inTurn(path, () =>
      this.#edit(path, (content) => {
        const edited = edit(content);
        return edited === null ? { content, count: 0 } : { content: edited, count: 1 };
      }),
    );
    return count > 0;
  }

  replace(path: string, search: string | RegExp, replacement: string): Promise<number> {
    return this.#inTurn(path, () => this.#edit(path, (content) => replaceText(content, search, replacement)));
  }

  replaceLine(path: string, match: string | RegExp, line: string): Promise<number> {
    return this.#inTurn(path, () => this.#edit(path, (content) => replaceLines(content, match, line)));
  }

  /** Reads, edits here, and writes only if nobody else changed the file in between. */
  async #edit(path: string, edit: (content: Buffer) => Edited): Promise<number> {
    for (let attempt = 1; attempt <= editAttempts; attempt += 1) {
      const read = await this.#sessions.exec(this.#route, script(readForEditScript, named(path)), {
        ...this.#options,
        maxOutputBytes: defaultMaxBytes,
      });
      if (read.status !== 0) throw this.#failed('read', path, read);
      if (read.stdoutTruncated)
        throw this.#error('edit', path, 0, `it has more than ${defaultMaxBytes} bytes`);
      const { content, count } = edit(read.stdout);
      if (count === 0) return 0;
      const was = read.stderr.toString().trim();
      if (await this.#placed('write', path, content, { was })) return count;
    }
    throw this.#error('edit', path, CHANGED, 'others keep changing it');
  }

  async #place(
    how: How,
    path: string,
    data: Data,
    options: { mode?: number | undefined } = {},
  ): Promise<void> {
    await this.#placed(how, path, data, options);
  }

  /** False when `was`, the fingerprint that the file must still have, is not true any more. */
  async #placed(
    how: How,
    path: string,
    data: Data,
    options: { mode?: number | undefined; was?: string },
  ): Promise<boolean> {
    const trailer = `.wadi-${randomBytes(16).toString('hex')}`;
    const mode = options.mode === undefined ? '' : options.mode.toString(8);
    const input = new Input(data, trailer, this.#options.signal);
    const command = script(placeScript, how, named(path), trailer, mode, options.was ?? '');
    const result = await this.#sessions.exec(this.#route, command, { ...this.#options, stdin: input.stream });
    if (input.error !== undefined) throw input.error;
    if (result.status === CHANGED) return false;
    if (result.status !== 0) throw this.#failed(how === 'write' ? 'write' : `${how} to`, path, result);
    return true;
  }

  async *#content(process: RemoteProcess, path: string): AsyncGenerator<Buffer> {
    let stderr = '';
    process.stderr.on('data', (chunk: Buffer) => {
      if (stderr.length < 4096) stderr += chunk.toString();
    });
    process.exit.catch(() => undefined); // awaited below unless the reader stops early
    let opened = false;
    let ended = false;
    try {
      for await (const chunk of process.stdout as AsyncIterable<Buffer>) {
        if (!opened) yield chunk.subarray(0, 1);
        const rest = opened ? chunk : chunk.subarray(1);
        opened = true;
        if (rest.length > 0) yield rest;
      }
      const exit = await process.exit;
      ended = true;
      if (exit.status !== 0) throw this.#error('read', path, exit.status, stderr);
    } finally {
      if (!ended) await process.kill().catch(() => undefined);
    }
  }

  #inTurn<T>(path: string, change: () => Promise<T>): Promise<T> {
    const waiting = changes.get(this.#sessions) ?? new Map<string, Promise<unknown>>();
    changes.set(this.#sessions, waiting);
    const key = `${this.#route.machine.id}\0${path}`;
    const { signal } = this.#options;
    const before = waiting.get(key) ?? Promise.resolve();
    const mine = withDeadline({ signal, late: () => cancelled(signal) }, () => before).then(change);
    // Who gives up while waiting lets nobody pass: those behind still wait for those before.
    const settled = Promise.allSettled([before, mine]).then(() => {
      if (waiting.get(key) === settled) waiting.delete(key);
    });
    waiting.set(key, settled);
    return mine;
  }

  #failed(action: string, path: string, result: ExecResult): AccessError {
    return this.#error(action, path, result.status, result.stderr.toString());
  }

  #error(action: string, path: string, status: number | null, text: string): AccessError {
    return fileError(this.#route.machine.name, action, path, status, text);
  }
}

/** Bytes; what is larger goes out piece by piece, so that no second copy of it is made. */
const SLICE = 256 * 1024;

type How = 'write' | 'append' | 'prepend';
type Data = string | Buffer | Readable;

/** The data and then the trailer, which is left out when the data is not all there is. */
class Input {
  readonly stream: Buffer | Readable;
  error: unknown;
  readonly #signal: AbortSignal | undefined;

  constructor(data: Data, trailer: string, signal: AbortSignal | undefined) {
    this.#signal = signal;
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    this.stream =
      bytes instanceof Readable || bytes.length > SLICE
        ? Readable.from(this.#followed(bytes, trailer), { objectMode: false })
        : Buffer.concat([bytes, Buffer.from(trailer)]);
  }

  async *#followed(bytes: Buffer | Readable, trailer: string): AsyncGenerator<Buffer> {
    const data = bytes instanceof Readable ? bytes : Readable.from(slices(bytes));
    try {
      const chunks: AsyncIterator<string | Buffer> = data[Symbol.asyncIterator]();
      for (let chunk = await this.#next(chunks); chunk !== undefined; chunk = await this.#next(chunks)) {
        yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      }
      // A source may well end because the caller gave up.
      if (this.error === undefined && !this.#signal?.aborted) yield Buffer.from(trailer);
    } finally {
      data.destroy();
    }
  }

  /** Apart, so that only what the source throws counts as its error, not what ends this generator from outside. */
  async #next(chunks: AsyncIterator<string | Buffer>): Promise<string | Buffer | undefined> {
    try {
      const next = await chunks.next();
      return next.done ? undefined : next.value;
    } catch (error) {
      this.error = error;
      return undefined;
    }
  }
}

function* slices(bytes: Buffer): Generator<Buffer> {
  for (let offset = 0; offset < bytes.length; offset += SLICE) yield bytes.subarray(offset, offset + SLICE);
}

function script(text: string, ...parameters: readonly string[]): readonly string[] {
  return ['sh', '-c', text, 'wadi-file', ...parameters];
}

/** The path as the scripts want it. */
function named(path: string): string {
  if (path === '' || path.includes('\0')) {
    throw new AccessError(`${JSON.stringify(path)} is not a path`, { code: 'INVALID_ARGUMENT' });
  }
  return path.startsWith('/') ? path : `./${path}`;
}
