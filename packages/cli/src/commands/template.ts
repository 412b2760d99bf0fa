import type { Command } from 'commander';
import { addClusterTemplateCommands } from './template-cluster.ts';
import { addNodeGroupTemplateCommands } from './template-node-group.ts';

export function addTemplateCommand(wadi: Command): void {
  const template = wadi.command('template').description('what clusters are made from');
  addNodeGroupTemplateCommands(template);
  addClusterTemplateCommands(template);
}
