import type { InventoryMachine } from '@wadi/api';
import type { Command } from 'commander';
import { printJson, printTable } from '../print.ts';
import { findCluster, openSession } from '../session.ts';

export function addClusterMachinesCommand(cluster: Command): void {
  cluster
    .command('machines')
    .description('the machines that an imported cluster has, and those that it may take when it grows')
    .argument('<cluster>', 'name or id')
    .addHelpText('after', '\nExamples:\n  wadi cluster machines lab\n  wadi cluster machines lab --json')
    .action(async (name: string, _options, command: Command) => {
      const session = openSession(command);
      const { id } = await findCluster(session, name);
      const machines = await session.client.machines.list(id);
      if (session.json) return printJson(machines);
      printMachines(machines);
    });
}

export function printMachines(machines: readonly InventoryMachine[]): void {
  printTable(['NAME', 'GROUP', 'ADDRESS', 'USER', 'HOST KEY', 'STATE'], machines.map(row));
}

function row(machine: InventoryMachine): string[] {
  return [
    machine.name,
    machine.is_proxy ? `${machine.node_group_name} (proxy)` : machine.node_group_name,
    machine.port === 22 ? machine.address : `${machine.address} port ${machine.port}`,
    machine.user,
    machine.host_key.source ?? 'not known yet',
    machine.state,
  ];
}
