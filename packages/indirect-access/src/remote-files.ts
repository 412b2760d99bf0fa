import type { Readable } from 'node:stream';
import { AccessError } from './errors.ts';
import type { Route } from './route.ts';
import type { Sessions } from './session.ts';

export interface FilesOptions {
  readonly asRoot?: boolean;
  readonly signal?: AbortSignal;
}

/** Files of one machine, as its login user or as root. */
export interface RemoteFiles {
  read(path: string, options?: { maxBytes?: number }): Promise<Buffer>;
  readStream(path: string): Promise<Readable>;
  write(path: string, data: string | Buffer | Readable, options?: { mode?: number }): Promise<void>;
  append(path: string, data: string | Buffer): Promise<void>;
  prepend(path: string, data: string | Buffer): Promise<void>;
  /** Returns how many places were replaced. */
  replace(path: string, search: string | RegExp, replacement: string): Promise<number>;
  /** Returns how many lines were replaced. */
  replaceLine(path: string, match: string | RegExp, line: string): Promise<number>;
}

export function remoteFiles(_sessions: Sessions, _route: Route, _options: FilesOptions = {}): RemoteFiles {
  throw new AccessError('files: not there yet', { code: 'FILE_FAILED' });
}
