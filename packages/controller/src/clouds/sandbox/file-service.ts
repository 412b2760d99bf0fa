import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { FromFileWorker, ToFileWorker } from './file-messages.ts';
import type { SandboxUser } from './sandbox-user.ts';

/**
 * The SFTP service of a sandbox's machines. It works in one child process that has the rights of the machines'
 * user: this process may be root, and no check of a path is safe against a user who renames files meanwhile.
 */
export class FileService {
  readonly #user: SandboxUser | undefined;
  readonly #sessions = new Map<number, FileSession>();
  readonly #emptying = new Map<number, (error: string | null) => void>();
  #worker: Promise<ChildProcess> | undefined;
  #numbers = 0;
  #closed = false;

  constructor(user: SandboxUser | undefined) {
    this.#user = user;
  }

  /** A byte stream that speaks SFTP about the files below `home`. */
  open(home: string): Duplex {
    this.#numbers += 1;
    const number = this.#numbers;
    const session = new FileSession(number, (message) => this.#post(message));
    this.#sessions.set(number, session);
    session.once('close', () => {
      this.#sessions.delete(number);
      void this.#post({ kind: 'close', session: number });
    });
    void this.#post({ kind: 'open', session: number, home });
    return session;
  }

  /** Removes everything in a folder; what is gone already is well. */
  async empty(folder: string): Promise<void> {
    this.#numbers += 1;
    const request = this.#numbers;
    const error = await new Promise<string | null>((resolve) => {
      this.#emptying.set(request, resolve);
      void this.#post({ kind: 'empty', request, folder });
    });
    if (error) throw new Error(`${folder} could not be emptied: ${error}`);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const worker = await this.#worker?.catch(() => undefined);
    if (!worker || worker.exitCode !== null || worker.signalCode !== null) return;
    const gone = once(worker, 'exit');
    worker.kill('SIGKILL');
    await gone;
  }

  async #post(message: ToFileWorker): Promise<void> {
    try {
      this.#worker ??= this.#start();
      (await this.#worker).send(message, () => undefined);
    } catch (error) {
      this.#lost(error as Error);
    }
  }

  async #start(): Promise<ChildProcess> {
    if (this.#closed) throw new Error('the sandbox is closed');
    const program = fileURLToPath(new URL('./file-worker.ts', import.meta.url));
    const loader = createRequire(import.meta.url).resolve('tsx');
    const rights = this.#user ? [String(this.#user.uid), String(this.#user.gid)] : [];
    const worker = spawn(process.execPath, ['--import', loader, program, ...rights], {
      cwd: '/',
      env: { PATH: '/usr/bin:/bin' },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      serialization: 'advanced',
    });
    const ready = new Promise<void>((resolve, reject) => {
      worker.on('message', (message: FromFileWorker) => {
        if (message.kind === 'ready') resolve();
        else this.#receive(message);
      });
      worker.once('error', reject);
      worker.once('exit', () => {
        const error = new Error("the sandbox's file worker ended");
        this.#lost(error);
        reject(error);
      });
    });
    await ready;
    return worker;
  }

  #receive(message: Exclude<FromFileWorker, { kind: 'ready' }>): void {
    if (message.kind === 'emptied') {
      this.#emptying.get(message.request)?.(message.error);
      this.#emptying.delete(message.request);
    } else this.#sessions.get(message.session)?.receive(message);
  }

  /** The next session starts a new worker. */
  #lost(error: Error): void {
    this.#worker = undefined;
    for (const session of this.#sessions.values()) session.destroy();
    for (const resolve of this.#emptying.values()) resolve(error.message);
    this.#emptying.clear();
  }
}

/** One SFTP session; a chunk at a time is under way in each direction, which is its back-pressure. */
class FileSession extends Duplex {
  readonly #number: number;
  readonly #post: (message: ToFileWorker) => Promise<void>;
  #written: (() => void) | undefined;
  #untaken = false;

  constructor(number: number, post: (message: ToFileWorker) => Promise<void>) {
    super({ allowHalfOpen: false });
    this.#number = number;
    this.#post = post;
  }

  receive(message: Exclude<FromFileWorker, { kind: 'ready' | 'emptied' }>): void {
    if (this.destroyed) return;
    if (message.kind === 'close') this.destroy();
    else if (message.kind === 'data') {
      const more = this.push(Buffer.from(message.data));
      if (more) void this.#post({ kind: 'taken', session: this.#number });
      else this.#untaken = true;
    } else {
      const written = this.#written;
      this.#written = undefined;
      written?.();
    }
  }

  override _read(): void {
    if (!this.#untaken) return;
    this.#untaken = false;
    void this.#post({ kind: 'taken', session: this.#number });
  }

  override _write(data: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#written = done;
    void this.#post({ kind: 'data', session: this.#number, data });
  }

  override _final(done: () => void): void {
    done();
    this.push(null);
  }
}
