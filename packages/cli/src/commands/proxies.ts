import type { ProxyHealth } from '@wadi/api';
import type { Command } from 'commander';
import { describeProblem } from '../describe-problem.ts';
import { printJson, printTable } from '../print.ts';
import { findCluster, openSession } from '../session.ts';

export function addProxiesCommand(wadi: Command): void {
  wadi
    .command('proxies')
    .description('the proxies of a cluster, how each is, and why')
    .argument('<cluster>', 'name or id')
    .addHelpText('after', '\nExamples:\n  wadi proxies example\n  wadi proxies example --json')
    .action(async (name: string, _options, command: Command) => {
      const session = openSession(command);
      const cluster = await findCluster(session, name);
      const proxies = await session.client.proxies.list(cluster.id);
      if (session.json) return printJson(proxies);
      printTable(['NAME', 'STATE', 'LATENCY', 'CHANNELS', 'MACHINES', 'SINCE', 'WHY'], proxies.map(row));
    });
}

function row({ name, state, latency_ms, channels, machines, since, error }: ProxyHealth): string[] {
  return [
    name,
    state,
    latency_ms === null ? '-' : `${Math.round(latency_ms)} ms`,
    String(channels),
    String(machines),
    since ?? '-',
    error ? describeProblem(error, name).replace(/^: /, '').trim() : '',
  ];
}
