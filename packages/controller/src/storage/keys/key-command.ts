import { spawn } from 'node:child_process';
import { KeySourceError } from './master-key.ts';

export interface KeyCommandOptions {
  /** Default 30,000. */
  readonly milliseconds?: number;
  readonly signal?: AbortSignal;
}

/** Bytes of output; more is not keys. */
const largest = 65_536;
/** Where programs find others; nothing else of our environment is theirs. */
const environment = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

/**
 * What a program of this computer prints. It gets no shell, no input, and no more environment than a PATH. It is killed,
 * with what it started, when it does not end in time. Rejects with KeySourceError, which never quotes the program: what
 * it says may be a key.
 */
export function runKeyCommand(
  [program = '', ...args]: readonly string[],
  { milliseconds = 30_000, signal }: KeyCommandOptions = {},
): Promise<string> {
  const name = `master_key_command ${program}`;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: environment,
      cwd: '/',
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    });
    const chunks: Buffer[] = [];
    let size = 0;
    const kill = () => {
      try {
        // The number is the group's own until the last of them is gone.
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // Gone.
      }
    };
    const finish = (problem: string | null) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
      kill();
      child.stdout.destroy();
      if (problem === null) resolve(Buffer.concat(chunks).toString('utf8'));
      else reject(new KeySourceError(`${name} ${problem}`));
    };
    const timer = setTimeout(() => finish(`gave no key within ${milliseconds / 1000} s`), milliseconds);
    const stop = () => finish('was ended, as the controller stops');
    child.once('error', (error: NodeJS.ErrnoException) =>
      finish(error.code === 'ENOENT' ? 'is not on this computer' : `cannot be started (${error.code})`),
    );
    child.stdout.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > largest) finish(`printed more than ${largest} bytes`);
    });
    child.stdout.on('error', () => {});
    child.once('close', (status, by) => {
      if (status === 0) return finish(null);
      finish(`ended with ${by ?? `status ${status}`}; its output is not shown, as it may hold a key`);
    });
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop);
  });
}
