import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { FileSource } from '@wadi/client';
import { CommandError, usageError } from '../command-error.ts';
import { ExitCode } from '../exit-code.ts';

const pieceBytes = 1024 * 1024;

/** A file of this computer, to be uploaded. To be closed. */
export class LocalFile implements FileSource {
  readonly size: number;
  readonly sha256: string;
  readonly #handle: FileHandle;
  readonly #name: string;

  private constructor(handle: FileHandle, name: string, size: number, sha256: string) {
    this.#handle = handle;
    this.#name = name;
    this.size = size;
    this.sha256 = sha256;
  }

  /** Reads all of it once, for its digest. */
  static async open(name: string): Promise<LocalFile> {
    const handle = await open(name, 'r').catch((error: NodeJS.ErrnoException) => {
      throw usageError(`cannot read ${name}: ${error.code}`);
    });
    try {
      const { size } = await regular(handle, name);
      const hash = createHash('sha256');
      const buffer = Buffer.alloc(pieceBytes);
      for (let at = 0; at < size; ) {
        const { bytesRead } = await handle.read(buffer, 0, Math.min(pieceBytes, size - at), at);
        if (bytesRead === 0) throw changed(name);
        hash.update(buffer.subarray(0, bytesRead));
        at += bytesRead;
      }
      return new LocalFile(handle, name, size, hash.digest('hex'));
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      const { bytesRead } = await this.#handle.read(bytes, at, length - at, offset + at);
      if (bytesRead === 0) throw changed(this.#name);
      at += bytesRead;
    }
    return bytes;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

async function regular(handle: FileHandle, name: string) {
  const facts = await handle.stat();
  if (facts.isFile()) return facts;
  throw usageError(`${name} is ${facts.isDirectory() ? 'a directory' : 'no regular file'}: cp takes files`);
}

function changed(name: string): CommandError {
  return new CommandError(`${name} was cut short while it was read`, ExitCode.failed, 'Begin again.');
}
