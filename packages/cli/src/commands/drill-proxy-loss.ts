import type { Cluster, Instance } from '@wadi/api';
import { WadiError } from '@wadi/client';
import { type Command, InvalidArgumentError } from 'commander';
import { usageError } from '../command-error.ts';
import { printReckoning } from '../drill/drill-table.ts';
import { InjectByProgram } from '../drill/inject-by-program.ts';
import { InjectInSandbox } from '../drill/inject-in-sandbox.ts';
import { type FaultKind, faultKinds, type Injector } from '../drill/injector.ts';
import { drillProxyLoss } from '../drill/proxy-loss.ts';
import { isFlawless } from '../drill/reckoning.ts';
import { WadiCarrier } from '../drill/wadi-carrier.ts';
import { ExitCode, exitCodesHelp } from '../exit-code.ts';
import { wholeNumber } from '../option-value.ts';
import { printJson, report } from '../print.ts';
import { findCluster, openSession, type Session } from '../session.ts';

interface Options {
  readonly commands: number;
  readonly kinds?: FaultKind[];
  readonly seconds: number;
  readonly upload: number;
  readonly inject?: string;
}

export function addDrillProxyLossCommand(drill: Command): void {
  drill
    .command('proxy-loss')
    .description('block one proxy after the other under load: what is lost, doubled, and for how long')
    .argument('<cluster>', 'name or id; it needs two proxies')
    .argument('[arguments...]', 'after --: for the program of --inject')
    .option('--inject <program>', 'blocks and unblocks a proxy, see below; the sandbox needs none')
    .option('--commands <n>', 'how many, over all machines that are no proxies', wholeNumber(1, 100_000), 200)
    .option(
      '--kinds <list>',
      `faults, in this order: ${faultKinds.join(',')} (default: all there are)`,
      kinds,
    )
    .option('--seconds <n>', 'how long each fault lasts, and the calm after it', wholeNumber(1, 3600), 15)
    .option('--upload <size>', 'a file that is uploaded meanwhile, e.g. 64MiB; 0: none', size, 4 * 2 ** 20)
    .addHelpText('after', help)
    .action(async (name: string, args: string[], options: Options, command: Command) => {
      process.exitCode = await run(openSession(command), name, args, options);
    });
}

const help = `
Examples:
  wadi drill proxy-loss example                     # a sandbox cluster with two proxies
  wadi drill proxy-loss site-1 --kinds kill,drop --inject ./block-proxy
  wadi drill proxy-loss lab --commands 1000 --upload 32MiB --inject lab/netns/lab-fault -- --name wadi

The program is called, without a shell, with its arguments and then
  begin KIND PROXY [MACHINE]     it returns when the fault is in force
  end KIND PROXY [MACHINE]       it returns when the fault is over; also after a begin that failed
  KIND: kill, drop, reject, freeze; cut takes MACHINE, and only that, out of the proxy's reach

Commands append a line to a file in ~/.wadi-drill-… on their machine, which is removed at the end. A
command counts as lost when it did not succeed, whatever the reason, or left no line.
${exitCodesHelp}`;

async function run(session: Session, name: string, args: string[], options: Options): Promise<ExitCode> {
  const { client, json } = session;
  const cluster = await findCluster(session, name);
  const instances = await client.instances.list(cluster.id);
  const [proxies, machines] = [namesOf(instances, true), namesOf(instances, false)];
  checkMachines(cluster, proxies, machines);
  const injector = await chooseInjector(session, cluster, instances, args, options);
  const interruption = new AbortController();
  const interrupt = () => interruption.abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const each of signals) process.on(each, interrupt);
  try {
    const reckoning = await drillProxyLoss({
      carrier: new WadiCarrier(client, cluster.id),
      ...{ injector, proxies, machines },
      kinds: options.kinds ?? injector.kinds,
      ...{ commands: options.commands, seconds: options.seconds, upload: options.upload },
      tell: (news) => report(`drill: ${news}`),
      signal: interruption.signal,
    });
    if (json) printJson(reckoning);
    else printReckoning([['', reckoning]]);
    return isFlawless(reckoning) ? ExitCode.ok : ExitCode.failed;
  } catch (error) {
    if (interruption.signal.aborted && isAbort(error)) return ExitCode.interrupted;
    throw error;
  } finally {
    for (const each of signals) process.off(each, interrupt);
  }
}

function namesOf(instances: readonly Instance[], proxies: boolean): string[] {
  return instances.filter((each) => each.is_proxy === proxies).map((each) => each.name);
}

function checkMachines({ name }: Cluster, proxies: readonly string[], machines: readonly string[]): void {
  if (proxies.length < 2) {
    const has = proxies.length === 0 ? 'no proxy' : `one proxy, ${proxies[0]}`;
    throw usageError(
      `${name} has ${has}: with it, every way to its machines would be lost`,
      'A drill needs a cluster with two proxies or more: wadi cluster scale NAME GROUP=2',
    );
  }
  if (machines.length === 0) throw usageError(`${name} has only proxies: there is nothing behind them`);
}

async function chooseInjector(
  { client }: Session,
  { id, name }: Cluster,
  instances: readonly Instance[],
  args: readonly string[],
  options: Options,
): Promise<Injector> {
  if (options.inject !== undefined) {
    const program = new InjectByProgram(options.inject, args);
    await program.check();
    return program;
  }
  if (args.length > 0) throw usageError(`"${args[0]}": only the program of --inject takes arguments`);
  const sandboxed = await client.sandbox.list().catch(unlessAbsent);
  if (!sandboxed.some((machine) => machine.cluster_id === id)) {
    throw usageError(
      `${name} is not in the sandbox: somebody else must block its proxies`,
      'Name a program that does: --inject PROGRAM; see --help for how it is called.',
    );
  }
  const injector = new InjectInSandbox(client, instances);
  const unknown = options.kinds?.filter((kind) => !injector.kinds.some((each) => each === kind)) ?? [];
  if (unknown.length > 0)
    throw usageError(
      `the sandbox knows no ${unknown.join(', ')}: its machines can only be switched off (kill)`,
    );
  return injector;
}

/** A controller without a sandbox has no such resource. */
function unlessAbsent(error: unknown): [] {
  if (error instanceof WadiError && error.status === 404) return [];
  throw error;
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

function kinds(text: string): FaultKind[] {
  return text.split(',').map((word) => {
    const kind = faultKinds.find((each) => each === word);
    if (kind === undefined) throw new InvalidArgumentError(`"${word}" is none of ${faultKinds.join(', ')}.`);
    return kind;
  });
}

const units: Readonly<Record<string, number>> = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

function size(text: string): number {
  const [, number, unit = ''] = /^(\d{1,12})(KiB|MiB|GiB)?$/.exec(text) ?? [];
  if (number === undefined) throw new InvalidArgumentError('It is written 0, 64MiB or 1GiB.');
  return Number(number) * (units[unit] ?? 1);
}
