import { randomUUID } from 'node:crypto';
import { findUnfinishedScaling, removeEmptyGroups } from '../../storage/scalings.ts';
import { advance, cloudOf, theCluster } from '../cluster-work.ts';
import { ClusterGoneError, ProvisioningError } from '../provisioning-error.ts';
import { runPluginStep } from '../run-plugin-step.ts';
import { addedInstances, type ScalingWork } from '../scaling-work.ts';
import { configureProcesses } from './configure-instances.ts';
import { finishScaling } from './finish-scaling.ts';
import { deleteInstances } from './remove-instances.ts';
import { startProcesses } from './start-instances.ts';

const rollbackType = 'Engine: rollback cluster';

/**
 * Takes away what a failed scaling added and says so on the cluster, which is `Active` again with the machines that it
 * still has. Machines that were to go and are gone stay gone.
 */
export async function rollBackScaling(work: ScalingWork, error: unknown, signal: AbortSignal): Promise<void> {
  const plan = await findUnfinishedScaling(work.db, work.scalingId);
  if (!plan) return;
  const id = randomUUID();
  work.log.warn({ err: error, cluster: work.clusterId, error_id: id }, 'scaling a cluster failed');
  try {
    const added = await addedInstances(work, plan);
    if (added.length > 0) {
      await advance(work, 'Rollback: Spawning');
      await stopAdded(work, added, signal);
      const step = { name: 'Delete instances', type: rollbackType };
      await deleteInstances(work, added, { ...step, status: 'Rollback: Spawning' }, signal);
      await forgetAdded(work, signal);
    }
    await removeEmptyGroups(work.db, plan.newGroups);
    const reason = error instanceof Error ? error.message : String(error);
    const undone = plan.add.length > 0 ? '. What it had added was removed again' : '';
    await finishScaling(
      work,
      `Scaling cluster failed for the following reason(s): ${reason}${undone}\nError ID: ${id}`,
    );
  } catch (problem) {
    if (!(problem instanceof ClusterGoneError)) throw problem;
  }
}

/** Machines that outlive their instances must not go on with what was begun on them; others are about to be deleted. */
async function stopAdded(work: ScalingWork, added: readonly { id: string }[], signal: AbortSignal) {
  if (!cloudOf(work, await theCluster(work)).keepsMachines) return;
  const leaving = new Set(added.map(({ id }) => id));
  const options = { only: leaving, leaving, skipUnreachable: true };
  await unlessPluginFails(work, () =>
    runPluginStep(work, 'stop', { type: rollbackType, again: true, ...options }, signal),
  );
}

/** Those that stay may have been told of machines that are gone; what fails here is no reason to keep the cluster. */
async function forgetAdded(work: ScalingWork, signal: AbortSignal): Promise<void> {
  const options = { type: rollbackType, again: true };
  await unlessPluginFails(work, async () => {
    await configureProcesses(work, options, signal);
    await startProcesses(work, options, signal);
  });
}

async function unlessPluginFails(work: ScalingWork, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (error instanceof ClusterGoneError || !(error instanceof ProvisioningError)) throw error;
    work.log.warn({ err: error, cluster: work.clusterId }, 'the plugin could not take back a scaling');
  }
}
