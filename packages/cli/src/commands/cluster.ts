import type { Command } from 'commander';
import { addClusterAccessCommand } from './cluster-access.ts';
import { addClusterAddMachinesCommand } from './cluster-add-machines.ts';
import { addClusterCreateCommand } from './cluster-create.ts';
import { addClusterDeleteCommand } from './cluster-delete.ts';
import { addClusterImportCommand } from './cluster-import.ts';
import { addClusterListCommand } from './cluster-list.ts';
import { addClusterMachinesCommand } from './cluster-machines.ts';
import { addClusterRemoveMachinesCommand } from './cluster-remove-machines.ts';
import { addClusterScaleCommand } from './cluster-scale.ts';
import { addClusterShowCommand } from './cluster-show.ts';
import { addClusterVerifyCommand } from './cluster-verify.ts';

export function addClusterCommand(wadi: Command): void {
  const cluster = wadi.command('cluster').description('clusters of machines');
  addClusterListCommand(cluster);
  addClusterShowCommand(cluster);
  addClusterCreateCommand(cluster);
  addClusterImportCommand(cluster);
  addClusterAccessCommand(cluster);
  addClusterScaleCommand(cluster);
  addClusterMachinesCommand(cluster);
  addClusterAddMachinesCommand(cluster);
  addClusterRemoveMachinesCommand(cluster);
  addClusterVerifyCommand(cluster);
  addClusterDeleteCommand(cluster);
}
