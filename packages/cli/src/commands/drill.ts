import type { Command } from 'commander';
import { addDrillProxyLossCommand } from './drill-proxy-loss.ts';

export function addDrillCommand(wadi: Command): void {
  const drill = wadi.command('drill').description('break something on purpose, and count what that costs');
  addDrillProxyLossCommand(drill);
}
