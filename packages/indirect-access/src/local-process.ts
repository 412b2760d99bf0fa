import { type ChildProcess, spawn } from 'node:child_process';
import { homedir } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import type { RemoteExit, RemoteProcess } from './remote-process.ts';

/** Where programs are looked for, whatever the caller's own environment says. */
export const programFolders = [
  ...['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'],
];

/** Milliseconds from the asking to the killing. */
const GRACE = 500;

/** A program on this computer whose input and output are a stream: started with an argument list, in a group of its own. */
export class LocalProcess implements RemoteProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exit: Promise<RemoteExit>;
  readonly #child: ChildProcess;
  #ended = false;

  private constructor(child: ChildProcess & { stdin: Writable; stdout: Readable; stderr: Readable }) {
    this.#child = child;
    this.stdin = child.stdin.on('error', () => {});
    this.stdout = child.stdout.on('error', () => {});
    this.stderr = child.stderr.on('error', () => {});
    this.exit = new Promise((resolve) =>
      child.once('exit', (status, signal) => {
        this.#ended = true;
        // What it had started goes with it. The number is the group's own until the last of them is gone.
        this.#signal('SIGKILL');
        resolve({ status, signal: signal?.replace(/^SIG/, '') ?? null });
      }),
    );
  }

  /** Rejects with the system's error when the program cannot be started. */
  static start([program = '', ...args]: readonly string[]): Promise<LocalProcess> {
    return new Promise((resolve, reject) => {
      const child = spawn(program, args, {
        // It gets nothing of ours: tokens and database passwords are in environments.
        env: { PATH: programFolders.join(':'), HOME: homedir(), LC_ALL: 'C' },
        cwd: '/',
        stdio: ['pipe', 'pipe', 'pipe'],
        detached: true,
      });
      child.once('error', reject);
      child.once('spawn', () => resolve(new LocalProcess(child)));
    });
  }

  async kill(): Promise<void> {
    if (this.#ended) return;
    this.#signal('SIGTERM');
    // Somebody else's (a root wrapper's) cannot be killed by us; it sees the end of its input.
    this.stdin.destroy();
    const timer = setTimeout(() => this.#signal('SIGKILL'), GRACE);
    await this.exit;
    clearTimeout(timer);
  }

  #signal(signal: NodeJS.Signals): void {
    try {
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, signal);
    } catch {
      // Gone, or not ours.
    }
  }
}
