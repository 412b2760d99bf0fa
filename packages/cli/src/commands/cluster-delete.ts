import type { Command } from 'commander';
import { CommandError } from '../command-error.ts';
import { ExitCode } from '../exit-code.ts';
import { print, printJson } from '../print.ts';
import { Progress } from '../progress.ts';
import { findCluster, openSession } from '../session.ts';

export function addClusterDeleteCommand(cluster: Command): void {
  cluster
    .command('delete')
    .description('delete one and its machines; imported machines are only forgotten')
    .argument('<cluster>', 'name or id')
    .option('--wait', 'show the work until it is gone; exit code 1 when it ends in Error')
    .addHelpText('after', '\nExample:\n  wadi cluster delete site-1 --wait')
    .action(async (given: string, options: { wait?: boolean }, command: Command) => {
      const session = openSession(command);
      const { id, name } = await findCluster(session, given);
      await session.client.clusters.delete(id);
      if (options.wait) await untilGone(session.client.clusters, id);
      if (session.json) printJson({ id, name, deleted: options.wait ?? false });
      else print(options.wait ? `${name} is gone` : `${name} is being deleted`);
    });
}

async function untilGone(clusters: ReturnType<typeof openSession>['client']['clusters'], id: string) {
  const progress = new Progress();
  for await (const now of clusters.waitFor(id)) {
    progress.show(now);
    if (now.status === 'Error') {
      const reason = now.status_description.trim();
      throw new CommandError(`${now.name} could not be deleted: ${reason}`, ExitCode.failed);
    }
  }
}
