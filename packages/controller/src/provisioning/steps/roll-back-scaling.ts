import { randomUUID } from 'node:crypto';
import type { ScalingPlan } from '../../clusters/scaling.ts';
import { findUnfinishedScaling, removeEmptyGroups } from '../../storage/scalings.ts';
import { advance, cloudOf, theCluster } from '../cluster-work.ts';
import { StepError } from '../engine/step-outcome.ts';
import { persist } from '../persist.ts';
import { ClusterGoneError, ProvisioningError } from '../provisioning-error.ts';
import { runPluginStep } from '../run-plugin-step.ts';
import { addedInstances, type ScalingWork } from '../scaling-work.ts';
import { configureProcesses } from './configure-instances.ts';
import { decommissionInstances } from './decommission-instances.ts';
import { finishScaling } from './finish-scaling.ts';
import { deleteInstances } from './remove-instances.ts';
import { startProcesses } from './start-instances.ts';

const type = 'Engine: rollback cluster';

/** What had happened when the scaling failed. */
interface Failure {
  readonly reason: string;
  /** For whoever looks into the log. */
  readonly id: string;
  /** No machine was added yet. */
  readonly beforeAdding: boolean;
  /** Processes may run on the machines that were added. */
  readonly started: boolean;
}

/**
 * Takes away what a failed scaling added and says so on the cluster, which is `Active` again with the machines that it
 * still has. Machines that were to go and are gone stay gone; those that are still there are at work again. Goes on until
 * it is done: nothing else could be asked of the cluster any more.
 */
export async function rollBackScaling(work: ScalingWork, error: unknown, signal: AbortSignal): Promise<void> {
  const plan = await findUnfinishedScaling(work.db, work.scalingId);
  if (!plan) return;
  const step = error instanceof StepError ? error.step : '';
  const failure = {
    reason: error instanceof Error ? error.message : String(error),
    id: randomUUID(),
    beforeAdding: plan.add.length === 0 || step === 'remove instances' || step === 'begin to add',
    started: step === 'start instances' || step === 'activate',
  };
  work.log.warn({ err: error, cluster: work.clusterId, error_id: failure.id }, 'scaling a cluster failed');
  try {
    const attempt = () => takeBack(work, plan, failure, signal);
    await persist(work, 'taking back a scaling', attempt, signal, 'Rollback: Spawning');
  } catch (problem) {
    if (!(problem instanceof ClusterGoneError)) throw problem;
  }
}

async function takeBack(
  work: ScalingWork,
  plan: ScalingPlan,
  { reason, id, beforeAdding, started }: Failure,
  signal: AbortSignal,
): Promise<void> {
  const told = [`Scaling cluster failed for the following reason(s): ${reason}`];
  if ((await theCluster(work)).status !== 'Validating') {
    await advance(work, 'Rollback: Spawning');
    const added = await addedInstances(work, plan);
    if (added.length > 0) {
      const leaving = new Set(added.map((instance) => instance.id));
      // They may hold by now what nobody else has.
      if (started) await ifItCan(work, () => decommissionInstances(work, leaving, type, signal));
      else await ifItCan(work, () => stopKept(work, leaving, signal));
      const deletion = { name: 'Delete instances', type, status: 'Rollback: Spawning' } as const;
      await deleteInstances(work, added, deletion, signal);
    }
    const problem = await ifItCan(work, async () => {
      await configureProcesses(work, { type, again: true }, signal);
      await startProcesses(work, { type, again: true }, signal);
    });
    if (!beforeAdding) told.push('What it had added was removed again');
    if (problem !== null) told.push(`The machines that stay could not be set up anew: ${problem}`);
  }
  await removeEmptyGroups(work.db, plan.newGroups);
  await finishScaling(work, `${told.join('. ')}\nError ID: ${id}`);
}

/** Machines that outlive their instances must not go on with what was begun on them. */
async function stopKept(work: ScalingWork, leaving: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
  if (!cloudOf(work, await theCluster(work)).keepsMachines) return;
  const options = { type, only: leaving, leaving, skipUnreachable: true, again: true };
  await runPluginStep(work, 'stop', options, signal);
}

/** What the plugin cannot do is no reason to keep the cluster; returned is what was in its way. */
async function ifItCan(work: ScalingWork, act: () => Promise<void>): Promise<string | null> {
  try {
    await act();
    return null;
  } catch (error) {
    if (!(error instanceof ProvisioningError)) throw error;
    work.log.warn({ err: error, cluster: work.clusterId }, 'the plugin could not take back a scaling');
    return error.message;
  }
}
