import type { Instance } from '@wadi/api';
import type { Command } from 'commander';
import { printJson, printTable } from '../print.ts';
import { findCluster, openSession } from '../session.ts';

export function addInstancesCommand(wadi: Command): void {
  wadi
    .command('instances')
    .description('the machines of a cluster and the route to each')
    .argument('<cluster>', 'name or id')
    .addHelpText('after', '\nExamples:\n  wadi instances example\n  wadi instances example --json')
    .action(async (name: string, _options, command: Command) => {
      const session = openSession(command);
      const cluster = await findCluster(session, name);
      const instances = await session.client.instances.list(cluster.id);
      if (session.json) return printJson(instances);
      printTable(['NAME', 'GROUP', 'ADDRESS', 'USER', 'HOST KEY', 'ROUTE'], instances.map(row));
    });
}

function row(instance: Instance): string[] {
  return [
    instance.name,
    instance.is_proxy ? `${instance.node_group_name} (proxy)` : instance.node_group_name,
    instance.internal_ip ?? '-',
    instance.login_user ?? '-',
    instance.host_key.source ?? 'not known yet',
    instance.route?.text ?? 'none yet',
  ];
}
