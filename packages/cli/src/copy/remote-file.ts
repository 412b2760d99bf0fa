import path from 'node:path';
import { usageError } from '../command-error.ts';

export interface RemoteFile {
  readonly cluster: string;
  /** Machines or node groups, as `-w` has them. */
  readonly nodes: string;
  readonly path: string;
}

/** `CLUSTER/NODES:PATH`; undefined: a path of this computer, as everything is that begins with `/` or `.`. */
export function parseRemoteFile(text: string): RemoteFile | undefined {
  if (/^[/.]/.test(text)) return undefined;
  const [, cluster, nodes, file] = /^([^/:\s]+)\/([^/:]+):(.*)$/s.exec(text) ?? [];
  if (cluster === undefined || nodes === undefined || file === undefined) return undefined;
  if (file === '') throw usageError(`"${text}" names no file`, 'It looks like example/worker-1:/tmp/file.');
  return { cluster, nodes, path: file };
}

/** A path that names a directory gets the name that the file has elsewhere. */
export function inDirectory(target: string, source: string): string {
  return target.endsWith('/') ? `${target}${path.posix.basename(source)}` : target;
}
