import type { Command } from 'commander';
import { usageError } from '../command-error.ts';
import { print, printJson, report } from '../print.ts';
import { findCluster, openSession } from '../session.ts';

export function addAgentCommand(wadi: Command): void {
  const agent = wadi
    .command('agent')
    .description('machines that accept nothing from outside and dial in instead');
  agent
    .command('enroll')
    .description('print the line that makes a machine dial in; good for 15 minutes, once')
    .argument('<cluster/machine>', 'name or id of each')
    .addHelpText(
      'after',
      `
Example:
  wadi cluster import site.yaml          # with access: { method: agent }
  wadi agent enroll site/bastion         # run what it prints on bastion

The machine needs sh, ssh and ssh-keygen. It dials the controller's --agent-listen, and opens one forward to its own
sshd, in which Wadi logs in as always. A cluster with a proxy needs an agent on the proxy only.`,
    )
    .action(async (place: string, _options, command: Command) => {
      const [name = '', machine = '', ...more] = place.split('/');
      if (name === '' || machine === '' || more.length > 0)
        throw usageError(`"${place}" is not CLUSTER/MACHINE`, 'As in: wadi agent enroll site/bastion');
      const session = openSession(command);
      const cluster = await findCluster(session, name);
      const enrollment = await session.client.access.enrollAgent(cluster.id, machine);
      if (session.json) return printJson(enrollment);
      report(`wadi: run this on ${machine} before ${enrollment.expires_at}:`);
      print(enrollment.line);
    });
}
