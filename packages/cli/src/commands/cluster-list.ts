import type { Cluster } from '@wadi/api';
import type { Command } from 'commander';
import { printJson, printTable } from '../print.ts';
import { openSession } from '../session.ts';

export function addClusterListCommand(cluster: Command): void {
  cluster
    .command('list')
    .description('all of them')
    .addHelpText('after', '\nExamples:\n  wadi cluster list\n  wadi cluster list --json')
    .action(async (_options, command: Command) => {
      const { client, json } = openSession(command);
      const clusters: Cluster[] = [];
      for await (const each of client.clusters.all()) clusters.push(each);
      if (json) return printJson(clusters);
      printTable(['NAME', 'STATUS', 'PLUGIN', 'MACHINES', 'PROXIES', 'ID'], clusters.map(row));
    });
}

function row(each: Cluster): string[] {
  const count = (groups: Cluster['node_groups']) => groups.reduce((sum, group) => sum + group.count, 0);
  return [
    each.name,
    each.status,
    `${each.plugin_name} ${each.plugin_version}`,
    String(count(each.node_groups)),
    String(count(each.node_groups.filter((group) => group.is_proxy))),
    each.id,
  ];
}
