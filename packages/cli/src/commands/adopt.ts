import { readFile } from 'node:fs/promises';
import type { Adoption } from '@wadi/api';
import { WadiError } from '@wadi/client';
import type { Command } from 'commander';
import { usageError } from '../command-error.ts';
import { ExitCode } from '../exit-code.ts';
import { readIdentity } from '../identity-file.ts';
import { print, printJson, printTable, report } from '../print.ts';
import { adoptionRequest } from '../sahara/adoption-request.ts';
import { chooseClusters } from '../sahara/choose-clusters.ts';
import { findDatabase, urlVariable } from '../sahara/find-database.ts';
import { followAdoption } from '../sahara/follow-adoption.ts';
import { openReadOnly } from '../sahara/open-database.ts';
import { readSahara } from '../sahara/read-sahara.ts';
import { type SaharaCluster, saharaClusters } from '../sahara/sahara-clusters.ts';
import { openSession, type Session } from '../session.ts';

interface Options {
  readonly saharaConfig?: string;
  readonly all?: boolean;
  readonly project?: string;
  readonly knownHosts?: string;
  readonly trustFirstContact?: boolean;
  readonly identity?: string;
}

export function addAdoptCommand(wadi: Command): void {
  wadi
    .command('adopt')
    .description('take over clusters that Sahara made, from its database; for admins of all')
    .argument('[clusters...]', 'names or ids, as Sahara has them; none: only list what there is')
    .option('--all', 'all that are Active and not adopted yet')
    .option(
      '--sahara-config <file>',
      `Sahara's configuration, which names its database (default: ${urlVariable}, /etc/sahara/sahara.conf)`,
    )
    .option('--project <id>', 'into this project (default: the one that the cluster has in Sahara)')
    .option('--known-hosts <file>', 'host keys by address, as ssh keeps them')
    .option('--trust-first-contact', 'take and pin the host key of machines whose key is not known')
    .option('--identity <file>', 'the management key, where the database has none')
    .addHelpText(
      'after',
      `
Nothing is changed in Sahara's database, and nothing is made, changed or deleted in the cloud. The clusters keep their ids.
Stop Sahara's services before, or they go on as if the clusters were theirs.

The management key is replaced by one that only Wadi has: each machine lets the new one in, it is seen to work, and then the old
one is taken out. Machines that cannot be reached meanwhile are tried again later; until then they let both in. Deleting the
cluster here gives it back: its machines stay, and let Sahara's key in again.

Host keys come from --known-hosts, else from the consoles of the servers where the controller knows their cloud (OpenStack);
Sahara never kept them. One that cannot be adopted now is adopted later by the same command.

The database is read with the user that the URL names; SELECT is enough. The URL has a password: ${urlVariable} is read here
and passed on to nobody.

Examples:
  wadi adopt --sahara-config /etc/sahara/sahara.conf
  wadi adopt hadoop-1 --known-hosts hosts --sahara-config /etc/sahara/sahara.conf
  wadi adopt --all --json`,
    )
    .action(async (wanted: string[], options: Options, command: Command) => {
      if (options.all && wanted.length > 0) throw usageError('--all, or clusters by their names: not both');
      const session = openSession(command);
      const clusters = await readClusters(options);
      const adopted = new Map((await session.client.adoptions.list()).map((each) => [each.cluster_id, each]));
      const chosen = options.all
        ? clusters.filter(({ id, problems }) => problems.length === 0 && isOpen(adopted.get(id)))
        : chooseClusters(clusters, wanted);
      if (!options.all && wanted.length === 0) return list(session, clusters, adopted);
      await adopt(session, chosen, options);
    });
}

async function readClusters({ saharaConfig }: Options): Promise<SaharaCluster[]> {
  const database = await openReadOnly(await findDatabase(saharaConfig));
  try {
    return saharaClusters(await readSahara(database));
  } finally {
    await database.close();
  }
}

/** Never, or in vain. */
function isOpen(adoption: Adoption | undefined): boolean {
  return adoption === undefined || adoption.status === 'Error';
}

function list(
  { json }: Session,
  clusters: readonly SaharaCluster[],
  adopted: ReadonlyMap<string, Adoption>,
): void {
  const rows = clusters.map(({ id, name, tenant, status, plugin, privateKey, request, problems }) => {
    const machines = request.node_groups.flatMap(({ is_proxy, instances }) =>
      instances.map((each) => ({ ...each, is_proxy })),
    );
    const { heat_stack } = request;
    const lacks = privateKey === null ? ['its management key is not in the database'] : [];
    const adoption = adopted.get(id) ?? null;
    return {
      id,
      name,
      tenant,
      status,
      plugin,
      machines,
      heat_stack,
      problems: [...problems, ...lacks],
      adoption,
    };
  });
  if (json) {
    printJson(rows);
    return;
  }
  if (rows.length === 0) {
    print('Sahara has no clusters.');
    return;
  }
  printTable(
    ['CLUSTER', 'ID', 'PROJECT', 'PLUGIN', 'STATUS', 'MACHINES', 'PROXIES', ''],
    rows.map(({ id, name, tenant, plugin, status, machines, problems, adoption }) => [
      ...[name, id, tenant, plugin, status, String(machines.length)],
      String(machines.filter((each) => each.is_proxy).length),
      adoption ? `adopted: ${adoption.status}` : problems.length > 0 ? problems.join('; ') : 'can be adopted',
    ]),
  );
}

/** One after the other: what fails does not keep the others from it. */
async function adopt(session: Session, chosen: readonly SaharaCluster[], options: Options): Promise<void> {
  const choices = {
    ...(options.project === undefined ? {} : { project: options.project }),
    knownHosts: await readKnownHosts(options.knownHosts),
    trustFirstContact: options.trustFirstContact ?? false,
    identity: options.identity === undefined ? null : await plainIdentity(options.identity),
  };
  const ends: ({ id: string; name: string } & ({ adoption: Adoption } | { problems: readonly string[] }))[] =
    [];
  for (const cluster of chosen) {
    const { id, name } = cluster;
    const request = adoptionRequest(cluster, choices);
    if (!('project_id' in request)) {
      ends.push({ id, name, problems: request });
      continue;
    }
    try {
      const { adoption, left_out = [] } = await session.client.adoptions.begin(request);
      for (const each of left_out) report(`${name}: left out: ${each}`);
      ends.push({ id, name, adoption: await followAdoption(session, adoption) });
    } catch (error) {
      // Of all of them: the next one would fare no better.
      if (!(error instanceof WadiError) || ![400, 409].includes(error.status ?? 0)) throw error;
      ends.push({ id, name, problems: [error.hint ? `${error.message} (${error.hint})` : error.message] });
    }
  }
  if (session.json) printJson(ends);
  else if (ends.length === 0) print('There is nothing to adopt.');
  for (const { name, ...end } of ends) tell(session, name, end);
}

function tell(
  { json }: Session,
  name: string,
  end: { readonly adoption: Adoption } | { readonly problems: readonly string[] },
): void {
  if ('problems' in end) {
    report(`wadi: ${name} is not adopted: ${end.problems.join('; ')}`);
    process.exitCode = ExitCode.failed;
    return;
  }
  const { status, status_description, machines, host_keys, key_problems, heat_stack } = end.adoption;
  if (status !== 'Active') {
    report(`wadi: ${name} is in ${status}: ${status_description.trim()}`);
    process.exitCode = ExitCode.failed;
    return;
  }
  for (const problem of key_problems)
    report(`wadi: ${name}: the key could not be replaced yet on ${problem}`);
  if (key_problems.length > 0) process.exitCode = ExitCode.failed;
  if (json) return;
  const vouched = Object.entries(host_keys).flatMap(([by, count]) => (count > 0 ? `${count} ${by}` : []));
  print(`${name} is adopted: ${machines} machines, host keys: ${vouched.join(', ')}.`);
  if (heat_stack !== null)
    print(`  Its Heat stack ${heat_stack} stays, whatever becomes of the cluster here.`);
}

async function readKnownHosts(file: string | undefined): Promise<string> {
  if (file === undefined) return '';
  return await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw usageError(`cannot read ${file}: ${error.code}`);
  });
}

async function plainIdentity(file: string): Promise<string> {
  const { private_key, passphrase } = await readIdentity(file);
  if (passphrase === undefined) return private_key;
  throw usageError(`${file} has a passphrase`, 'Give a copy without one: ssh-keygen -p -f COPY');
}
