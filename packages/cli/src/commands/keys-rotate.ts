import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, KeyRotation } from '@wadi/api';
import type { Command } from 'commander';
import { describeProblem } from '../describe-problem.ts';
import { ExitCode } from '../exit-code.ts';
import { print, printJson, printTable, report } from '../print.ts';
import { selectMachines } from '../select-machines.ts';
import { findCluster, openSession, type Session } from '../session.ts';

/** Milliseconds between two looks. */
const lookInterval = 500;

export function addRotateManagementCommand(keys: Command): void {
  keys
    .command('rotate-management')
    .description('give the machines of a cluster new management keys, while everything runs')
    .argument('<cluster>', 'name or id')
    .option('--no-wait', 'do not wait until it is done on all machines that can be reached')
    .addHelpText(
      'after',
      `
On each machine the old key stays valid until the new one was seen to let us in; then its line is taken out of
authorized_keys. Other lines stay as they are, and so does the line of a key that was given with an import. It may be
interrupted: the work goes on. Machines that cannot be reached keep the old key, and are tried again until they can;
asked again, at once.

Examples:
  wadi keys rotate-management site-1
  wadi keys rotations site-1`,
    )
    .action(async (name: string, options: { wait: boolean }, command: Command) => {
      const session = openSession(command);
      const cluster = await findCluster(session, name);
      const begun = await session.client.keyRotations.begin(cluster.id, { kind: 'management' });
      await follow(session, cluster.id, begun, options.wait);
    });
}

export function addRotateHostCommand(keys: Command): void {
  keys
    .command('rotate-host')
    .description('have machines of a cluster make new host keys, while everything runs')
    .argument('<cluster>', 'name or id')
    .argument('[nodes...]', 'machines or node groups, as in worker-[1-3] (default: all)')
    .option('--no-wait', 'do not wait until it is done on all machines that can be reached')
    .addHelpText(
      'after',
      `
Each machine makes them itself, and their private halves never leave it. The old keys stay pinned until the new ones were
seen; then they are removed, from the machine too. It needs root (sudo) and OpenSSH's sshd. Whoever else logs in there has
the old keys in known_hosts, and is warned.

Examples:
  wadi keys rotate-host site-1
  wadi keys rotate-host site-1 proxy worker-[1-3]`,
    )
    .action(async (name: string, nodes: string[], options: { wait: boolean }, command: Command) => {
      const session = openSession(command);
      const cluster = await findCluster(session, name);
      const targets = await targetsOf(session, cluster, nodes);
      const begun = await session.client.keyRotations.begin(cluster.id, { kind: 'host', ...targets });
      await follow(session, cluster.id, begun, options.wait);
    });
}

async function targetsOf({ client }: Session, { id, name }: Cluster, nodes: readonly string[]) {
  if (nodes.length === 0) return {};
  const machines = await client.instances.list(id);
  return { targets: selectMachines(name, machines, nodes).map((each) => each.id) };
}

export function addRotationsCommand(keys: Command): void {
  keys
    .command('rotations')
    .description("what became of each replacement of a cluster's keys, and which machines it waits for")
    .argument('<cluster>', 'name or id')
    .addHelpText('after', '\nExample:\n  wadi keys rotations site-1')
    .action(async (name: string, _options, command: Command) => {
      const session = openSession(command);
      const found = await session.client.keyRotations.list((await findCluster(session, name)).id);
      if (session.json) return printJson(found);
      printTable(
        ['ID', 'KIND', 'STATUS', 'DONE', 'SINCE', 'NEXT TRY'],
        found.map(({ id, kind, status, machines, created_at, next_try_at }) => [
          ...[id, kind, status, doneOf(machines), created_at, next_try_at ?? ''],
        ]),
      );
      for (const rotation of found) showProblems(rotation);
    });
}

/** Until it is finished, or waits for machines. */
async function follow(
  { client, json }: Session,
  cluster: string,
  begun: KeyRotation,
  wait: boolean,
): Promise<void> {
  let rotation = begun;
  let said = '';
  while (wait && rotation.status === 'running') {
    const text = `${doneOf(rotation.machines)} machines have the new key only`;
    if (text !== said) report(text);
    said = text;
    await sleep(lookInterval);
    rotation = await client.keyRotations.get(cluster, begun.id);
  }
  if (json) printJson(rotation);
  else print(`Rotation ${rotation.id} is ${rotation.status}: ${doneOf(rotation.machines)} machines.`);
  if (rotation.status !== 'waiting') return;
  if (!json) showProblems(rotation);
  process.exitCode = ExitCode.failed;
}

function showProblems({ kind, machines, next_try_at }: KeyRotation): void {
  const left = machines.filter(({ state }) => state !== 'done');
  if (next_try_at === null || left.length === 0) return;
  print(`\nThe ${kind} rotation waits for these machines, until then both keys are valid:`);
  for (const { instance, state, problem } of left) {
    print(`  ${instance} (${state})${problem ? describeProblem(problem, instance) : ''}`);
    if (problem?.hint) print(`    ${problem.hint}`);
  }
}

function doneOf(machines: KeyRotation['machines']): string {
  return `${machines.filter(({ state }) => state === 'done').length}/${machines.length}`;
}
