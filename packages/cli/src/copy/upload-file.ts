import { randomUUID } from 'node:crypto';
import type { Cluster, Upload } from '@wadi/api';
import type { WadiClient } from '@wadi/client';
import { selectMachines } from '../select-machines.ts';
import { CopyProgress } from './copy-progress.ts';
import { LocalFile } from './local-file.ts';
import { inDirectory, type RemoteFile } from './remote-file.ts';

export interface CopyOptions {
  readonly root?: boolean;
  readonly mode?: string;
}

/** From this computer to machines. Whatever ends it early, nothing of it is left on them. */
export async function uploadFile(
  client: WadiClient,
  cluster: Cluster,
  from: string,
  to: RemoteFile,
  { root, mode, signal }: CopyOptions & { readonly signal: AbortSignal },
): Promise<Upload> {
  const machines = selectMachines(cluster.name, await client.instances.list(cluster.id), [to.nodes]);
  const file = await LocalFile.open(from);
  const id = randomUUID();
  const progress = new CopyProgress(from);
  try {
    const request = {
      ...{ id, path: inDirectory(to.path, from), targets: machines.map((machine) => machine.id) },
      ...(root && { as_root: true }),
      ...(mode !== undefined && { mode }),
    };
    return await client.files.upload(cluster.id, request, file, {
      signal,
      onProgress: ({ offset, size }) => progress.show(offset, size),
    });
  } catch (error) {
    await client.files.cancelUpload(cluster.id, id, { tries: 1, timeout: 30_000 }).catch(() => undefined);
    throw error;
  } finally {
    progress.end();
    await file.close();
  }
}
