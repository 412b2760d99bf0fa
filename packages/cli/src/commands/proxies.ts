import { setTimeout as sleep } from 'node:timers/promises';
import type { ProxyHealth } from '@wadi/api';
import type { Command } from 'commander';
import { usageError } from '../command-error.ts';
import { describeProblem } from '../describe-problem.ts';
import { wholeNumber } from '../option-value.ts';
import { print, printJson, printTable } from '../print.ts';
import { findCluster, openSession, type Session } from '../session.ts';

/** Milliseconds between looks at a proxy that is drained. */
const lookInterval = 500;

export function addProxiesCommand(wadi: Command): void {
  const proxies = wadi
    .command('proxies')
    .description('the proxies of a cluster, how each is, and why; what is done with them')
    .argument('<cluster>', 'name or id')
    .addHelpText('after', '\nExamples:\n  wadi proxies example\n  wadi proxies example --json')
    .action(async (name: string, _options, command: Command) => {
      const session = openSession(command);
      const cluster = await findCluster(session, name);
      const found = await session.client.proxies.list(cluster.id);
      if (session.json) return printJson(found);
      printTable(
        ['NAME', 'STATE', 'LATENCY', 'CHANNELS', 'MACHINES', 'SINCE', 'DUTY', 'WHY'],
        found.map(row),
      );
    });
  addDrain(proxies);
  addReadmit(proxies);
  addPromote(proxies);
}

const place = ['<cluster/node>', 'name or id of each'] as const;

function addDrain(proxies: Command): void {
  proxies
    .command('drain')
    .description('take a proxy out of use without losing anything')
    .argument(...place)
    .option(
      '--deadline <seconds>',
      'after which what is still open through it is closed (600)',
      wholeNumber(1, 86_400),
    )
    .option('--force', 'even where other machines have no other way')
    .option('--no-wait', 'do not wait until nothing is open to it')
    .addHelpText(
      'after',
      `
Examples:
  wadi proxies drain example/example-proxy-0
  wadi proxies drain example/example-proxy-0 --deadline 3600 --no-wait

Nothing new goes through it at once. Commands that run go on through another proxy; pages, uploads and whatever else is
open come to their end. It stays out of use until it is readmitted.`,
    )
    .action(async (given: string, options: DrainOptions, command: Command) => {
      const { session, cluster, node } = await locate(command, given);
      const seconds = options.deadline;
      const how = {
        ...(seconds !== undefined && { deadline_seconds: seconds }),
        ...(options.force && { force: true }),
      };
      let proxy = await session.client.proxies.drain(cluster, node, how);
      while (options.wait && proxy.duty === 'drained' && proxy.connections > 0) {
        await sleep(lookInterval);
        proxy = (await session.client.proxies.list(cluster)).find(({ id }) => id === proxy.id) ?? proxy;
      }
      show(
        session,
        proxy,
        proxy.connections > 0 ? `is drained: ${proxy.channels} channels are open` : 'is drained',
      );
    });
}

interface DrainOptions {
  readonly deadline?: number;
  readonly force?: boolean;
  readonly wait: boolean;
}

function addReadmit(proxies: Command): void {
  proxies
    .command('readmit')
    .description('take a machine that was drained or fenced into use again')
    .argument(...place)
    .addHelpText('after', '\nExample:\n  wadi proxies readmit example/example-proxy-0')
    .action(async (given: string, _options, command: Command) => {
      const { session, cluster, node } = await locate(command, given);
      show(
        session,
        await session.client.proxies.readmit(cluster, node),
        'is in use as its node group has it',
      );
    });
}

function addPromote(proxies: Command): void {
  proxies
    .command('promote')
    .description('make a machine a proxy')
    .argument(...place)
    .option('--fence', 'what is a proxy until then is not used any more until it is readmitted')
    .addHelpText(
      'after',
      `
Examples:
  wadi proxies promote example/example-worker-0
  wadi proxies promote example/example-worker-0 --fence

It needs an address that the controller can dial (management_address in an import), and a known host key. Back again:
wadi proxies drain, then wadi proxies readmit.`,
    )
    .action(async (given: string, options: { fence?: boolean }, command: Command) => {
      const { session, cluster, node } = await locate(command, given);
      const how = options.fence ? { fence: true } : {};
      show(session, await session.client.proxies.promote(cluster, node, how), 'serves as a proxy');
    });
}

async function locate(command: Command, given: string) {
  const [name = '', node = '', ...more] = given.split('/');
  if (name === '' || node === '' || more.length > 0)
    throw usageError(`"${given}" is not CLUSTER/NODE`, 'As in: wadi proxies drain example/example-proxy-0');
  const session = openSession(command);
  return { session, node, cluster: (await findCluster(session, name)).id };
}

function show({ json }: Session, proxy: ProxyHealth, text: string): void {
  if (json) printJson(proxy);
  else print(`${proxy.name} ${text}`);
}

function row({ name, state, latency_ms, channels, machines, since, duty, error }: ProxyHealth): string[] {
  return [
    name,
    state,
    latency_ms === null ? '-' : `${Math.round(latency_ms)} ms`,
    String(channels),
    String(machines),
    since ?? '-',
    duty ?? '-',
    error ? describeProblem(error, name).replace(/^: /, '').trim() : '',
  ];
}
