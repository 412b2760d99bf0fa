import type { Cluster } from '@wadi/api';
import type { Command } from 'commander';
import { CommandError } from '../command-error.ts';
import { ExitCode } from '../exit-code.ts';
import { print, printJson } from '../print.ts';
import { Progress } from '../progress.ts';
import { findCluster, openSession, type Session } from '../session.ts';

export function addClusterDeleteCommand(cluster: Command): void {
  cluster
    .command('delete')
    .description('delete one and its machines; imported machines are only forgotten, adopted ones given back')
    .argument('<cluster>', 'name or id')
    .option('--wait', 'show the work until it is gone; exit code 1 when it ends in Error')
    .addHelpText('after', '\nExample:\n  wadi cluster delete site-1 --wait')
    .action(async (given: string, options: { wait?: boolean }, command: Command) => {
      const session = openSession(command);
      const cluster = await findCluster(session, given);
      const { id, name } = cluster;
      await session.client.clusters.delete(id);
      if (options.wait) await untilGone(session, cluster);
      if (session.json) printJson({ id, name, deleted: options.wait ?? false });
      else print(options.wait ? `${name} is gone` : `${name} is being deleted`);
    });
}

async function untilGone({ client }: Session, { id, provision_progress: creation }: Cluster): Promise<void> {
  const progress = new Progress(process.stderr, creation);
  for await (const now of client.clusters.waitFor(id)) {
    progress.show(now);
    if (now.status === 'Error') {
      const reason = now.status_description.trim();
      throw new CommandError(`${now.name} could not be deleted: ${reason}`, ExitCode.failed);
    }
  }
}
