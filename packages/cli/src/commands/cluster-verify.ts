import type { Verification } from '@wadi/api';
import type { Command } from 'commander';
import { ExitCode } from '../exit-code.ts';
import { print, printJson, report } from '../print.ts';
import { findCluster, openSession } from '../session.ts';

export function addClusterVerifyCommand(cluster: Command): void {
  cluster
    .command('verify')
    .description('look whether all machines and proxies of one answer')
    .argument('<cluster>', 'name or id')
    .option('--wait', 'until it is done; exit code 1 when the cluster is not all GREEN')
    .option('--show', 'only show what the last look found')
    .addHelpText(
      'after',
      '\nExamples:\n  wadi cluster verify site-1 --wait\n  wadi cluster verify site-1 --show',
    )
    .action(async (given: string, options: { wait?: boolean; show?: boolean }, command: Command) => {
      const session = openSession(command);
      const { clusters } = session.client;
      const found = await findCluster(session, given);
      // One that is under way is as good as another.
      if (!options.show && found.verification?.status !== 'CHECKING') await clusters.verify(found.id);
      if (!options.show && !options.wait) {
        if (session.json) printJson(await clusters.get(found.id));
        else print(`${found.name} is being looked at; see: wadi cluster verify ${found.name} --show`);
        return;
      }
      const verification = options.wait ? await clusters.waitForVerification(found.id) : found.verification;
      if (session.json) printJson(verification ?? null);
      else if (verification) show(found.name, verification);
      else report(`wadi: nobody has looked at ${found.name} yet`);
      if (verification?.status !== 'GREEN') process.exitCode = ExitCode.failed;
    });
}

function show(name: string, { status, checks }: Verification): void {
  print(`${name}: ${status}`);
  for (const check of checks) print(`  ${check.status.padEnd(6)}  ${check.name}: ${check.description}`);
}
