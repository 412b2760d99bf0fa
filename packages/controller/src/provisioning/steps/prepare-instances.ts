import { advance, type ClusterWork } from '../cluster-work.ts';
import { type PluginStepOptions, runPluginStep } from '../run-plugin-step.ts';
import { mountVolumes } from './mount-volumes.ts';

/**
 * Makes volumes usable, and lets the plugin install what it needs. Nothing else is written to the machines: those of the sandbox
 * have their names from the cloud, and those of an inventory are left as their owner set them up.
 */
export async function prepareInstances(work: ClusterWork, signal: AbortSignal): Promise<void> {
  await advance(work, 'Preparing');
  await mountVolumes(work, {}, signal);
  await installProcesses(work, { type: 'Plugin: configure cluster' }, signal);
}

export function installProcesses(
  work: ClusterWork,
  options: PluginStepOptions,
  signal: AbortSignal,
): Promise<void> {
  return runPluginStep(work, 'install', options, signal);
}
