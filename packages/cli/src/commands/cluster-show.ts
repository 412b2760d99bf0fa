import type { Cluster } from '@wadi/api';
import type { Command } from 'commander';
import { foldNames } from '../node-set.ts';
import { print, printFields, printJson, printTable } from '../print.ts';
import { done } from '../progress.ts';
import { findCluster, openSession } from '../session.ts';

export function addClusterShowCommand(cluster: Command): void {
  cluster
    .command('show')
    .description('one of them, with its node groups and what was done for it')
    .argument('<cluster>', 'name or id')
    .addHelpText('after', '\nExamples:\n  wadi cluster show example\n  wadi cluster show example --json')
    .action(async (name: string, _options, command: Command) => {
      const session = openSession(command);
      const { id } = await findCluster(session, name);
      const shown = await session.client.clusters.get(id, { progress: true });
      if (session.json) return printJson(shown);
      showCluster(shown);
    });
}

function showCluster(cluster: Cluster): void {
  printFields([
    ['name', cluster.name],
    ['id', cluster.id],
    ['description', cluster.description],
    ['status', cluster.status],
    ['reason', cluster.status_description.trim().replaceAll('\n', ' ')],
    ['plugin', `${cluster.plugin_name} ${cluster.plugin_version}`],
    ['health', cluster.verification?.status],
    ['created', cluster.created_at],
    ...Object.entries(cluster.info).map(([key, value]) => [key, describe(value)] as const),
  ]);
  print('');
  const groups = cluster.node_groups.map((group) => [
    group.name,
    String(group.count),
    group.is_proxy ? 'yes' : '',
    group.node_processes.join(', '),
    foldNames(group.instances.map((instance) => instance.instance_name)),
  ]);
  printTable(['GROUP', 'COUNT', 'PROXY', 'PROCESSES', 'MACHINES'], groups);
  if (cluster.provision_progress.length === 0) return;
  print('');
  const steps = cluster.provision_progress.map((step) => [
    step.step_name,
    step.successful === null ? 'running' : step.successful ? 'done' : 'failed',
    `${done(step)}/${step.total}`,
  ]);
  printTable(['STEP', 'STATE', 'MACHINES'], steps);
}

function describe(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
