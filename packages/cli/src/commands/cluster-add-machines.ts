import path from 'node:path';
import type { Command } from 'commander';
import { readDescription } from '../description-file.ts';
import { machinesRequest } from '../import-file.ts';
import { printJson } from '../print.ts';
import { findCluster, openSession } from '../session.ts';
import { printMachines } from './cluster-machines.ts';

interface Options {
  readonly trustFirstContact?: boolean;
}

export function addClusterAddMachinesCommand(cluster: Command): void {
  cluster
    .command('add-machines')
    .description('spare machines for an imported cluster; nothing is done on them until it is scaled')
    .argument('<cluster>', 'name or id')
    .argument('<file>', 'YAML or JSON, see below; - is standard input')
    .option('--trust-first-contact', 'take and pin the host key of machines whose key is not known')
    .addHelpText(
      'after',
      `
Example:
  wadi cluster add-machines lab more.yaml
  wadi cluster scale lab db=3 --wait

more.yaml:                        # as for wadi cluster import
  user: debian
  identity: ~/.ssh/id_ed25519
  machines:
    - name: db-3
      address: 10.0.0.13
      node_group: db

Machines of a node group that the cluster does not have yet are taken by one that is added, with
the name of the group: wadi cluster scale lab --add TEMPLATE=COUNT`,
    )
    .action(async (given: string, file: string, options: Options, command: Command) => {
      const session = openSession(command);
      const folder = file === '-' ? '.' : path.dirname(file);
      const request = await machinesRequest(await readDescription(file), folder, options);
      const { id } = await findCluster(session, given);
      const machines = await session.client.machines.add(id, request);
      if (session.json) return printJson(machines);
      printMachines(machines);
    });
}
