import type { ClusterWork } from '../cluster-work.ts';
import { runPluginStep } from '../run-plugin-step.ts';

/**
 * Lets the plugin take leave of machines before they are removed: first what they hold is brought to others
 * (decommission), then what runs there ends (stop). `type`: of what work it is a step.
 */
export async function decommissionInstances(
  work: ClusterWork,
  leaving: ReadonlySet<string>,
  type: string,
  signal: AbortSignal,
): Promise<void> {
  const options = { type, only: leaving, leaving, skipUnreachable: true };
  await runPluginStep(work, 'decommission', options, signal);
  await runPluginStep(work, 'stop', options, signal);
}
