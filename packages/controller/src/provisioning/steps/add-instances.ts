import { ensureScaledInstances } from '../../storage/scalings.ts';
import { advance } from '../cluster-work.ts';
import { replaceInjectedKeys } from '../rotation/replace-injected-keys.ts';
import { addedInstances, type ScalingWork, scalingStepType, thePlan } from '../scaling-work.ts';
import { mountVolumes } from './mount-volumes.ts';
import { installProcesses } from './prepare-instances.ts';
import { spawnRows } from './spawn-instances.ts';
import { waitUntilAccessible } from './wait-for-instances.ts';

/** Brings the machines of the plan into being: their places are in the plan, so a second time finds them. */
export async function addInstances(work: ScalingWork, signal: AbortSignal): Promise<void> {
  const plan = await thePlan(work);
  if (plan.add.length === 0) return;
  await advance(work, 'Scaling: Spawning');
  await ensureScaledInstances(work.db, work.clusterId, plan.add);
  await spawnRows(work, await addedInstances(work, plan), signal, scalingStepType);
}

export async function waitForAdded(work: ScalingWork, signal: AbortSignal): Promise<void> {
  const plan = await thePlan(work);
  if (plan.add.length === 0) return;
  await advance(work, 'Scaling: Waiting');
  const added = new Set((await addedInstances(work, plan)).map(({ id }) => id));
  await waitUntilAccessible(work, ({ id }) => added.has(id), signal, scalingStepType);
  await replaceInjectedKeys(work, signal);
}

/** As when a cluster is made: the plugin installs what it needs on the machines that are new. */
export async function prepareAdded(work: ScalingWork, signal: AbortSignal): Promise<void> {
  await advance(work, 'Scaling: Preparing');
  const only = new Set((await addedInstances(work, await thePlan(work))).map(({ id }) => id));
  await mountVolumes(work, { chosen: only, type: scalingStepType }, signal);
  await installProcesses(work, { type: 'Plugin: scale cluster', only }, signal);
}
