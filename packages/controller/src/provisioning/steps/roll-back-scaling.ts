import { randomUUID } from 'node:crypto';
import type { ScalingPlan } from '../../clusters/scaling.ts';
import { findUnfinishedScaling, removeEmptyGroups } from '../../storage/scalings.ts';
import { advance } from '../cluster-work.ts';
import { persist } from '../persist.ts';
import { ClusterGoneError, ProvisioningError } from '../provisioning-error.ts';
import { addedInstances, type ScalingWork } from '../scaling-work.ts';
import { configureProcesses } from './configure-instances.ts';
import { finishScaling } from './finish-scaling.ts';
import { deleteInstances } from './remove-instances.ts';
import { startProcesses } from './start-instances.ts';

/**
 * Takes away what a failed scaling added and says so on the cluster, which is `Active` again with the machines that it
 * still has. Machines that were to go and are gone stay gone. Goes on until it is done: nothing else could be asked of the
 * cluster any more.
 */
export async function rollBackScaling(work: ScalingWork, error: unknown, signal: AbortSignal): Promise<void> {
  const plan = await findUnfinishedScaling(work.db, work.scalingId);
  if (!plan) return;
  const id = randomUUID();
  work.log.warn({ err: error, cluster: work.clusterId, error_id: id }, 'scaling a cluster failed');
  const reason = error instanceof Error ? error.message : String(error);
  const undone = plan.add.length > 0 ? '. What it had added was removed again' : '';
  const description = `Scaling cluster failed for the following reason(s): ${reason}${undone}\nError ID: ${id}`;
  try {
    const attempt = () => takeBack(work, plan, description, signal);
    await persist(work, 'taking back a scaling', attempt, signal, 'Rollback: Spawning');
  } catch (problem) {
    if (!(problem instanceof ClusterGoneError)) throw problem;
  }
}

async function takeBack(
  work: ScalingWork,
  plan: ScalingPlan,
  description: string,
  signal: AbortSignal,
): Promise<void> {
  const added = await addedInstances(work, plan);
  if (added.length > 0) {
    await advance(work, 'Rollback: Spawning');
    const step = { name: 'Delete instances', type: 'Engine: rollback cluster' };
    await deleteInstances(work, added, { ...step, status: 'Rollback: Spawning' }, signal);
    await forgetAdded(work, signal);
  }
  await removeEmptyGroups(work.db, plan.newGroups);
  await finishScaling(work, description);
}

/** Those that stay may have been told of machines that are gone; what fails here is no reason to keep the cluster. */
async function forgetAdded(work: ScalingWork, signal: AbortSignal): Promise<void> {
  const options = { type: 'Engine: rollback cluster', again: true };
  try {
    await configureProcesses(work, options, signal);
    await startProcesses(work, options, signal);
  } catch (error) {
    if (error instanceof ClusterGoneError || !(error instanceof ProvisioningError)) throw error;
    work.log.warn({ err: error, cluster: work.clusterId }, 'the plugin could not take back a scaling');
  }
}
