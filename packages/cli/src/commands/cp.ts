import type { Command } from 'commander';
import { usageError } from '../command-error.ts';
import { downloadFile } from '../copy/download-file.ts';
import { parseRemoteFile, type RemoteFile } from '../copy/remote-file.ts';
import { type CopyOptions, uploadFile } from '../copy/upload-file.ts';
import { describeUpload, exitCodeOfUpload } from '../copy/upload-outcome.ts';
import { ExitCode, exitCodesHelp } from '../exit-code.ts';
import { printJson, report } from '../print.ts';
import { findCluster, openSession, type Session } from '../session.ts';

export function addCpCommand(wadi: Command): void {
  wadi
    .command('cp')
    .description('copy a file to machines of a cluster, or from one of them')
    .argument('<from>', 'a file of this computer, or CLUSTER/NODE:PATH')
    .argument('<to>', 'CLUSTER/NODES:PATH, or a file or directory of this computer')
    .option('--root', 'as root, by sudo -n')
    .option('--mode <octal>', 'of the file on the machines (default: as it was there, else 644)')
    .addHelpText('after', help)
    .action(async (from: string, to: string, options: CopyOptions, command: Command) => {
      process.exitCode = await copy(openSession(command), from, to, options);
    });
}

const help = `
Examples:
  wadi cp site.tar.gz example/worker-1:/tmp/
  wadi cp app.conf 'example/worker-[0-2]:/etc/app.conf' --root --mode 640
  wadi cp example/worker-1:/var/log/app.log .

It goes on where it was when a connection, a proxy or the controller is lost on the way. A file is
compared by its SHA-256 and replaced at once, or stays as it was. A path that does not begin with / is
below the login user's home. A local file whose name looks like CLUSTER/NODE:PATH is written ./NAME.
${exitCodesHelp}`;

async function copy(session: Session, from: string, to: string, options: CopyOptions): Promise<ExitCode> {
  const [source, target] = [parseRemoteFile(from), parseRemoteFile(to)];
  if (options.mode !== undefined && !/^0?[0-7]{3,4}$/.test(options.mode))
    throw usageError(`--mode ${options.mode}: it is written in octal, like 640`);
  if ((source === undefined) === (target === undefined))
    throw usageError(
      source ? 'both are on machines: one must be on this computer' : 'neither is on a machine',
      'A file on a machine looks like example/worker-1:/tmp/file.',
    );
  const interruption = new AbortController();
  const interrupt = () => {
    if (interruption.signal.aborted) process.exit(ExitCode.interrupted);
    interruption.abort();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const each of signals) process.on(each, interrupt);
  const stoppable = { ...options, signal: interruption.signal };
  try {
    if (target) return await up(session, from, target, stoppable);
    return await down(session, source as RemoteFile, to, stoppable);
  } catch (error) {
    if (interruption.signal.aborted) return ExitCode.interrupted;
    throw error;
  } finally {
    for (const each of signals) process.off(each, interrupt);
  }
}

type Stoppable = CopyOptions & { readonly signal: AbortSignal };

async function up(session: Session, from: string, to: RemoteFile, options: Stoppable): Promise<ExitCode> {
  const cluster = await findCluster(session, to.cluster);
  const upload = await uploadFile(session.client, cluster, from, to, options);
  if (session.json) printJson(upload);
  for (const line of describeUpload(upload)) report(line);
  return exitCodeOfUpload(upload);
}

async function down(session: Session, from: RemoteFile, to: string, options: Stoppable): Promise<ExitCode> {
  if (options.mode !== undefined) throw usageError('--mode is for files on machines');
  const cluster = await findCluster(session, from.cluster);
  const downloaded = await downloadFile(session.client, cluster, from, to, options);
  if (session.json) printJson(downloaded);
  return ExitCode.ok;
}
