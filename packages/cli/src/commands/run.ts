import { randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import type { Run, RunRequest } from '@wadi/api';
import type { WadiClient } from '@wadi/client';
import type { Command } from 'commander';
import { usageError } from '../command-error.ts';
import { ExitCode, exitCodesHelp } from '../exit-code.ts';
import { collect } from '../option-value.ts';
import { printJson, report } from '../print.ts';
import { describeTroubles, exitCodeOf } from '../run-outcome.ts';
import { runWithOutput, showGathered, showLive } from '../run-output.ts';
import { selectMachines } from '../select-machines.ts';
import { findCluster, openSession, type Session } from '../session.ts';

interface Options {
  readonly on?: string[];
  readonly exclude?: string[];
  readonly root?: boolean;
  readonly stdin?: boolean;
  readonly timeout?: string;
  readonly maxOutput?: string;
  readonly env?: string[];
  readonly gather?: boolean;
  readonly prefix: boolean;
}

export function addRunCommand(wadi: Command): void {
  wadi
    .command('run')
    .description('run a command on the machines of a cluster')
    .argument('<cluster>', 'name or id')
    .argument('<command...>', 'after --; one word is text for the shell, several are exactly these arguments')
    .option('-w, --on <nodes>', 'machines or node groups, e.g. worker-[1-5],proxy (default: all)', collect)
    .option('-x, --exclude <nodes>', 'all of them but these', collect)
    .option('--root', 'as root, by sudo -n')
    .option('--stdin', 'give our standard input to the command on every machine')
    .option('-e, --env <name=value>', 'set an environment variable for the command; may be repeated', collect)
    .option('--timeout <seconds>', 'end the command after this time')
    .option('--max-output <MiB>', 'keep so much of each output stream of each machine (default: 8)')
    .option('-b, --gather', 'wait for the end and show equal outputs once')
    .option('--no-prefix', "leave out the machines' names; bytes come as they are")
    .addHelpText('after', help)
    .action(async (cluster: string, words: string[], options: Options, command: Command) => {
      process.exitCode = await run(openSession(command), cluster, words, options);
    });
}

const help = `
Examples:
  wadi run example -- hostname
  wadi run example -w worker-[0-2] -- df -h /
  wadi run example -w proxy --root -- systemctl restart sshd
  wadi run example -b -- 'cat /etc/os-release | grep ^VERSION'
  wadi run example -w worker-1 --stdin --no-prefix -- sh -s < script.sh

One word after -- is shell text: 'cd /tmp && ls' works as typed. Several words are the command and
its arguments, and the machine's shell changes nothing in them: -- ls 'my file' lists one file.
Ctrl-C ends the command on all machines; a second Ctrl-C only ends this program.
${exitCodesHelp}`;

async function run(session: Session, name: string, words: string[], options: Options): Promise<ExitCode> {
  const { client } = session;
  const cluster = await findCluster(session, name);
  const targets = await chooseTargets(client, cluster, options);
  const request = await requestFor(words, targets, options);
  const interruption = cancelOnInterrupt(client, cluster.id, request.id);
  try {
    const ended = await start(session, cluster.id, request, options);
    for (const line of describeTroubles(ended)) report(line);
    return interruption.happened() ? ExitCode.interrupted : exitCodeOf(ended);
  } finally {
    interruption.dispose();
  }
}

async function start(
  session: Session,
  clusterId: string,
  request: RunRequest,
  options: Options,
): Promise<Run> {
  const { client } = session;
  const started = await client.runs.create(clusterId, request);
  if (session.json) {
    const { run, shown } = await runWithOutput(client, started);
    printJson(shown);
    return run;
  }
  if (options.gather) return await showGathered(client, started);
  return await showLive(client, started, { prefix: options.prefix });
}

/** Ids of the chosen machines; undefined: all. */
async function chooseTargets(
  client: WadiClient,
  cluster: { id: string; name: string },
  options: Options,
): Promise<string[] | undefined> {
  if (!options.on && !options.exclude) return undefined;
  const all = await client.instances.list(cluster.id);
  const chosen = options.on ? selectMachines(cluster.name, all, options.on) : all;
  const excluded = new Set(selectMachines(cluster.name, all, options.exclude ?? []));
  const left = chosen.filter((machine) => !excluded.has(machine));
  if (left.length === 0) throw usageError('no machine is left to run on');
  return left.map((machine) => machine.id);
}

async function requestFor(words: string[], targets: string[] | undefined, options: Options) {
  const [only] = words;
  return {
    id: randomUUID() as string,
    command: words.length === 1 && only !== undefined ? only : words,
    ...(targets && { targets }),
    ...(options.root && { as_root: true }),
    ...(options.env && { env: Object.fromEntries(options.env.map(variable)) }),
    ...(options.timeout !== undefined && { timeout_seconds: above0('--timeout', options.timeout) }),
    ...(options.maxOutput !== undefined && {
      max_output_bytes: Math.floor(above0('--max-output', options.maxOutput) * 1024 * 1024),
    }),
    ...(options.stdin && { stdin_base64: (await buffer(process.stdin)).toString('base64') }),
  };
}

function variable(text: string): [string, string] {
  const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw usageError(`--env ${text}: it is written NAME=value`);
  return [name, value];
}

function above0(option: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw usageError(`${option} ${text}: it is a number above 0`);
}

/** The first Ctrl-C cancels the run, whose end is then awaited as usual; the second ends this process. */
function cancelOnInterrupt(client: WadiClient, clusterId: string, runId: string) {
  let count = 0;
  const interrupt = () => {
    count += 1;
    if (count > 1) process.exit(ExitCode.interrupted);
    report('wadi: ending the command on all machines …');
    client.runs.cancel(clusterId, runId).catch((error: Error) => {
      report(`wadi: the run ${runId} could not be cancelled: ${error.message}`);
      process.exit(ExitCode.interrupted);
    });
  };
  process.on('SIGINT', interrupt);
  return { happened: () => count > 0, dispose: () => process.off('SIGINT', interrupt) };
}
