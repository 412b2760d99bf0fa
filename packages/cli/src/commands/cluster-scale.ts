import type { Cluster, ClusterScale } from '@wadi/api';
import type { Command } from 'commander';
import { usageError } from '../command-error.ts';
import { ExitCode } from '../exit-code.ts';
import { finishCluster } from '../finish-cluster.ts';
import { expandNodeSet } from '../node-set.ts';
import { report } from '../print.ts';
import { find, findCluster, openSession, type Session } from '../session.ts';

interface Options {
  readonly add: readonly string[];
  readonly remove: readonly string[];
  readonly wait?: boolean;
}

export function addClusterScaleCommand(cluster: Command): void {
  const further = (value: string, before: readonly string[]) => [...before, value];
  cluster
    .command('scale')
    .description('add machines to its node groups or remove some')
    .argument('<cluster>', 'name or id')
    .argument('[group=count...]', 'how many machines a node group shall have')
    .option('-r, --remove <machines>', 'these and no others go; repeatable', further, [])
    .option(
      '-a, --add <template=count>',
      'a further group from a node group template; repeatable',
      further,
      [],
    )
    .option('--wait', 'show the work until it ends; exit code 1 when it failed and was taken back')
    .addHelpText(
      'after',
      `
Examples:
  wadi cluster scale site-1 worker=5 --wait
  wadi cluster scale site-1 worker=2 --remove worker-[0,3]
  wadi cluster scale site-1 --add gate=1 --add worker-large=2

An imported cluster takes spare machines of the group, in the order in which they were given, and gives
back those that go: wadi cluster machines CLUSTER`,
    )
    .action(async (given: string, counts: readonly string[], options: Options, command: Command) => {
      const session = openSession(command);
      const before = await findCluster(session, given);
      const changes = await changesOf(session, before, counts, options);
      const begun = await session.client.clusters.scale(before.id, changes);
      const code = await finishCluster(session, begun, options.wait ?? false, 'scaled');
      process.exitCode = options.wait && code === ExitCode.ok ? await outcome(session, before) : code;
    });
}

/** A scaling that failed leaves an Active cluster, with the reason on it. */
async function outcome(session: Session, { id }: Cluster): Promise<ExitCode> {
  const { name, status_description } = await session.client.clusters.get(id);
  if (status_description === '') return ExitCode.ok;
  report(`wadi: ${name}: ${status_description.trim()}`);
  return ExitCode.failed;
}

async function changesOf(
  session: Session,
  cluster: Cluster,
  counts: readonly string[],
  { add, remove }: Options,
): Promise<ClusterScale> {
  const leaving = remove.flatMap(expandNodeSet);
  const resize = counts.map((text) => {
    const { name, count } = parseCount(text);
    const group = cluster.node_groups.find((each) => each.name === name);
    const instances = (group?.instances ?? [])
      .map(({ instance_name }) => instance_name)
      .filter((machine) => leaving.some((one) => isCalled(cluster, machine, one)));
    return { name, count, ...(instances.length > 0 && { instances }) };
  });
  const named = resize.flatMap(({ instances = [] }) => instances);
  const unknown = leaving.filter((one) => !named.some((machine) => isCalled(cluster, machine, one)));
  if (unknown.length > 0)
    throw usageError(
      `${unknown.join(', ')}: no machine of a group whose count is given`,
      'Name the group with the count that it shall have: wadi cluster scale NAME worker=2 --remove worker-0',
    );
  const groups = await Promise.all(add.map((text) => addedGroup(session, text)));
  if (resize.length + groups.length === 0)
    throw usageError('nothing to do', 'Give a node group its count, e.g. worker=5, or --add one.');
  return {
    ...(resize.length > 0 && { resize_node_groups: resize }),
    ...(groups.length > 0 && { add_node_groups: groups }),
  };
}

/** It is called as its template is. */
async function addedGroup(session: Session, text: string) {
  const { name, count } = parseCount(text);
  const { id } = await find('node group template', session.client.nodeGroupTemplates, name);
  return { name, count, node_group_template_id: id };
}

function parseCount(text: string): { name: string; count: number } {
  const [, name, count] = /^([^=]+)=(\d{1,6})$/.exec(text) ?? [];
  if (name === undefined) throw usageError(`'${text}' is not GROUP=COUNT`, 'For example: worker=5');
  return { name, count: Number(count) };
}

/** In full, or without the cluster's name. */
function isCalled(cluster: Cluster, machine: string, given: string): boolean {
  return machine === given || machine === `${cluster.name.toLowerCase()}-${given}`;
}
