import { createHash, randomBytes } from 'node:crypto';
import { open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Cluster } from '@wadi/api';
import { type WadiClient, WadiError } from '@wadi/client';
import { CommandError, usageError } from '../command-error.ts';
import { ExitCode } from '../exit-code.ts';
import { machineUnreachable } from '../machine-unreachable.ts';
import { selectMachines } from '../select-machines.ts';
import { CopyProgress } from './copy-progress.ts';
import { inDirectory, type RemoteFile } from './remote-file.ts';
import type { CopyOptions } from './upload-file.ts';
import { isOfFile } from './upload-outcome.ts';

export interface Downloaded {
  readonly machine: string;
  readonly file: string;
  readonly size: number;
  readonly sha256: string;
}

/** From a machine to this computer: the whole file, compared with the machine's own digest of it, or none. */
export async function downloadFile(
  client: WadiClient,
  cluster: Cluster,
  from: RemoteFile,
  to: string,
  { root = false, signal }: CopyOptions & { readonly signal: AbortSignal },
): Promise<Downloaded> {
  const machines = selectMachines(cluster.name, await client.instances.list(cluster.id), [from.nodes]);
  const [machine, another] = machines;
  if (!machine || another) throw usageError(`${from.nodes} is several machines; name one to copy from`);
  const file = inDirectory((await isDirectory(to)) ? `${to}/` : to, from.path);
  const part = path.join(
    path.dirname(file),
    `.${path.basename(file)}.wadi-${randomBytes(6).toString('hex')}`,
  );
  const progress = new CopyProgress(from.path);
  // What only root may read there is not for everybody to read here.
  const handle = await open(part, 'wx', root ? 0o600 : 0o666).catch((error: NodeJS.ErrnoException) => {
    throw usageError(`cannot write beside ${file}: ${error.code}`);
  });
  try {
    const hash = createHash('sha256');
    let size = 0;
    let bytes = 0;
    const onSize = (whole: number) => {
      size = whole;
    };
    const options = { asRoot: root, signal, onSize };
    for await (const chunk of client.files.download(cluster.id, machine.id, from.path, options)) {
      hash.update(chunk);
      await handle.writeFile(chunk);
      bytes += chunk.length;
      progress.show(bytes, size);
    }
    const sha256 = hash.digest('hex');
    const theirs = await client.files.digest(cluster.id, machine.id, from.path, {
      asRoot: root,
      signal,
      tries: 12,
    });
    if (theirs.sha256 !== sha256) throw changed(machine.name, from.path);
    await handle.sync();
    await handle.close();
    await rename(part, file);
    return { machine: machine.name, file, size: bytes, sha256 };
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(part, { force: true });
    throw inWords(error, machine.name);
  } finally {
    progress.end();
  }
}

async function isDirectory(name: string): Promise<boolean> {
  return await stat(name).then(
    (facts) => facts.isDirectory(),
    () => false,
  );
}

function changed(machine: string, file: string): CommandError {
  const message = `${machine}: ${file} was changed while it was copied`;
  return new CommandError(message, ExitCode.failed, 'Begin again.');
}

/** The machine's no, and no way to the machine, are no failures of the controller. */
function inWords(error: unknown, machine: string): unknown {
  if (!(error instanceof WadiError)) return error;
  if (isOfFile(error.errorName)) return new CommandError(error.message, ExitCode.failed, error.hint);
  if (error.status !== 502 || error.errorName === 'CONTROLLER_UNREACHABLE') return error;
  return machineUnreachable(error, machine);
}
