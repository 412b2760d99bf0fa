import type { ClusterExplanation, ExplainedRoute, InstanceExplanation, InstanceVerdict } from '@wadi/api';
import { type Command, InvalidArgumentError } from 'commander';
import { usageError } from '../command-error.ts';
import { describeProblem } from '../describe-problem.ts';
import { ExitCode, exitCodesHelp } from '../exit-code.ts';
import { foldNames } from '../node-set.ts';
import { print, printJson, printTable } from '../print.ts';
import { selectMachines } from '../select-machines.ts';
import { findCluster, openSession } from '../session.ts';

interface Options {
  readonly timeout?: number;
  readonly last?: boolean;
}

export function addExplainCommand(wadi: Command): void {
  wadi
    .command('explain')
    .description('what fails on the way to a machine, or to all of a cluster, where, and what to do')
    .argument('<machine>', 'CLUSTER/NODE, or CLUSTER for all')
    .option('--timeout <seconds>', 'the longest that a step may take', seconds)
    .option('--last', 'only show what was found when somebody last looked; needs no right but to view')
    .addHelpText(
      'after',
      `
Examples:
  wadi explain example/worker-1
  wadi explain example
  wadi explain example --json

It logs in over connections of its own and changes nothing. Exit code 0: reachable, 3: not.
${exitCodesHelp}`,
    )
    .action(async (given: string, options: Options, command: Command) => {
      const [, name = '', node] = /^([^/]+)(?:\/([^/]+))?$/.exec(given) ?? [];
      if (name === '') throw usageError(`"${given}" is neither a cluster nor CLUSTER/NODE`);
      const { client, json } = openSession(command);
      const cluster = await findCluster({ client, json }, name);
      const query = options.timeout === undefined ? {} : { step_seconds: options.timeout };
      if (node === undefined) {
        const found = options.last
          ? await client.explain.last(cluster.id)
          : await client.explain.cluster(cluster.id, query);
        if (json) printJson(found);
        else showCluster(cluster.name, found);
        return finish(found.verdicts);
      }
      const machines = await client.instances.list(cluster.id);
      const [machine, another] = selectMachines(cluster.name, machines, [node]);
      if (!machine || another) throw usageError(`${node} is several machines; name one`);
      if (options.last) {
        const verdict = await client.explain.lastOf(cluster.id, machine.id);
        if (json) printJson(verdict);
        else showVerdict(verdict);
        return finish([verdict]);
      }
      const found = await client.explain.instance(cluster.id, machine.id, query);
      if (json) printJson(found);
      else showMachine(found);
      finish([found.verdict]);
    });
}

function seconds(text: string): number {
  const value = Number(text);
  if (value >= 0.1 && value <= 60) return value;
  throw new InvalidArgumentError('It must be a number from 0.1 to 60.');
}

function finish(verdicts: readonly InstanceVerdict[]): void {
  if (verdicts.some(({ reachable }) => reachable !== true)) process.exitCode = ExitCode.unreachable;
}

function showMachine({ routes, verdict }: InstanceExplanation): void {
  for (const route of routes) {
    print(route.text);
    printTable(['  HOP', 'PHASE', 'MS', '', ''], route.steps.map(row));
    print('');
  }
  showVerdict(verdict);
}

function row({
  hop,
  phase,
  ok,
  milliseconds,
  detail,
  code,
  reason,
}: ExplainedRoute['steps'][number]): string[] {
  const why = [code, reason].filter(Boolean).join(', ');
  return [
    `  ${hop}`,
    phase,
    milliseconds.toFixed(1).padStart(7),
    ok ? 'ok' : 'FAILED',
    ok ? (detail ?? '') : why,
  ];
}

function showVerdict({
  reachable,
  instance_name: name,
  hop,
  phase,
  code,
  message,
  hint,
}: InstanceVerdict): void {
  if (reachable === false) {
    const problem = { code: code ?? '', hop, phase, message };
    print(`${name} cannot be reached${describeProblem(problem, name)}`);
  } else print(message);
  if (hint) print(`  What to do: ${hint}`);
}

function showCluster(name: string, { problems, verdicts }: ClusterExplanation): void {
  const good = verdicts.filter(({ reachable }) => reachable === true).length;
  const unseen = verdicts.filter(({ reachable }) => reachable === null).length;
  const not = unseen > 0 ? `; nobody has looked at ${unseen}` : '';
  print(`${name}: ${good} of ${verdicts.length} machines can be reached${not}`);
  for (const { code, reason, hop, phase, message, hint, instances } of problems) {
    const place = hop === null ? '' : ` at ${hop}`;
    const why = [code, reason].filter(Boolean).join(', ');
    print(`  ${foldNames(instances)} (${instances.length})${place}: ${phase} [${why}]`);
    print(`    ${message}`);
    if (hint) print(`    What to do: ${hint}`);
  }
}
