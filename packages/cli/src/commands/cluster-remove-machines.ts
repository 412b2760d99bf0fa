import type { Command } from 'commander';
import { expandNodeSet } from '../node-set.ts';
import { print, printJson } from '../print.ts';
import { findCluster, openSession } from '../session.ts';

export function addClusterRemoveMachinesCommand(cluster: Command): void {
  cluster
    .command('remove-machines')
    .description('forget spare machines of an imported cluster; they stay as they are')
    .argument('<cluster>', 'name or id')
    .argument('<machine...>', 'names')
    .addHelpText(
      'after',
      `
Examples:
  wadi cluster remove-machines lab db-3
  wadi cluster remove-machines lab db-[4-9]

One that is in use is taken out of the cluster first: wadi cluster scale lab db=2 --remove db-3`,
    )
    .action(async (given: string, machines: readonly string[], _options, command: Command) => {
      const session = openSession(command);
      const { id } = await findCluster(session, given);
      const names = machines.flatMap(expandNodeSet);
      for (const name of names) {
        await session.client.machines.remove(id, name);
        if (!session.json) print(`${name} is forgotten`);
      }
      if (session.json) printJson(names.map((name) => ({ name, deleted: true })));
    });
}
