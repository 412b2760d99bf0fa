import { advance, type ClusterWork } from '../cluster-work.ts';
import { type PluginStepOptions, runPluginStep } from '../run-plugin-step.ts';

/** Lets the plugin configure its processes. */
export async function configureInstances(work: ClusterWork, signal: AbortSignal): Promise<void> {
  await advance(work, 'Configuring');
  await configureProcesses(work, { type: 'Plugin: configure cluster' }, signal);
}

/** After a scaling it is done on all machines: their configuration names the others. */
export function configureProcesses(
  work: ClusterWork,
  options: PluginStepOptions,
  signal: AbortSignal,
): Promise<void> {
  return runPluginStep(work, 'configure', options, signal);
}
