import type { Client, SFTPWrapper } from 'ssh2';
import { cancelled } from '../deadline.ts';
import type { SftpChannel, SftpHandle } from './engine.ts';

type Callback<T> = (error: Error | null | undefined, value: T) => void;

export function openSftp(
  client: Client,
  lost: () => Error | undefined,
  openError: (error: Error) => Error,
  signal?: AbortSignal,
): Promise<SftpChannel> {
  return new Promise((resolve, reject) => {
    client.sftp((error, sftp) => {
      if (error) return reject(openError(error));
      if (!signal?.aborted) return resolve(new Ssh2Sftp(sftp, lost));
      sftp.end();
      reject(cancelled(signal));
    });
  });
}

class Ssh2Sftp implements SftpChannel {
  readonly #sftp: SFTPWrapper;
  readonly #lost: () => Error | undefined;
  readonly #waiting = new Set<(error: Error) => void>();
  readonly closed: Promise<void>;
  #closed = false;

  constructor(sftp: SFTPWrapper, lost: () => Error | undefined) {
    this.#sftp = sftp;
    this.#lost = lost;
    let settle = () => {};
    this.closed = new Promise((resolve) => {
      settle = resolve;
    });
    const end = () => {
      this.#closed = true;
      settle();
      for (const reject of this.#waiting) reject(this.#gone());
      this.#waiting.clear();
    };
    sftp.on('error', end).on('end', end).on('close', end);
  }

  async open(path: string, flags: 'r' | 'w' | 'wx' | 'r+', mode?: number): Promise<SftpHandle> {
    const handle = await this.#call<Buffer>((done) =>
      mode === undefined ? this.#sftp.open(path, flags, done) : this.#sftp.open(path, flags, mode, done),
    );
    return {
      read: (offset, length) => this.#read(handle, offset, length),
      write: (offset, data) =>
        this.#call<void>((done) => this.#sftp.write(handle, data, 0, data.length, offset, done as never)),
      sync: () => this.#sync(handle),
      close: () => this.#call<void>((done) => this.#sftp.close(handle, done as never)),
    };
  }

  stat(path: string): Promise<{ size: number; mode: number; uid: number; gid: number }> {
    return this.#call((done) => this.#sftp.stat(path, done));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#call<void>((done) => {
      try {
        // The plain rename of version 3 fails when the target exists.
        this.#sftp.ext_openssh_rename(from, to, done as never);
      } catch {
        this.#sftp.rename(from, to, done as never);
      }
    });
  }

  unlink(path: string): Promise<void> {
    return this.#call<void>((done) => this.#sftp.unlink(path, done as never));
  }

  close(): void {
    if (this.#closed) return;
    this.#sftp.end();
  }

  /** At the end of the file an empty buffer. */
  async #read(handle: Buffer, offset: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(length);
    const count = await this.#call<number>((done) =>
      this.#sftp.read(handle, buffer, 0, length, offset, done as never),
    ).catch((error) => {
      if (error?.code === 1) return 0;
      throw error;
    });
    return buffer.subarray(0, count);
  }

  async #sync(handle: Buffer): Promise<void> {
    await this.#call<void>((done) => {
      try {
        this.#sftp.ext_openssh_fsync(handle, done as never);
      } catch {
        done(undefined, undefined);
      }
    });
  }

  #call<T>(start: (done: Callback<T>) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(this.#gone());
      this.#waiting.add(reject);
      start((error, value) => {
        this.#waiting.delete(reject);
        if (error) reject(this.#lost() ?? error);
        else resolve(value);
      });
    });
  }

  #gone(): Error {
    return this.#lost() ?? new Error('the SFTP channel is closed');
  }
}
