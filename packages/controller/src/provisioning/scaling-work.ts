import type { ScalingPlan } from '../clusters/scaling.ts';
import { type InstanceWithGroup, listInstances } from '../storage/instances.ts';
import { findUnfinishedScaling } from '../storage/scalings.ts';
import type { ClusterWork } from './cluster-work.ts';
import { ClusterGoneError } from './provisioning-error.ts';

/** What a step of a scaling is given. */
export interface ScalingWork extends ClusterWork {
  readonly scalingId: string;
}

export const scalingStepType = 'Engine: scale cluster';

export async function thePlan(work: ScalingWork): Promise<ScalingPlan> {
  const plan = await findUnfinishedScaling(work.db, work.scalingId);
  if (!plan) throw new ClusterGoneError(work.clusterId);
  return plan;
}

/** The rows of the machines that this scaling adds, as far as there are rows already. */
export async function addedInstances(work: ScalingWork, plan: ScalingPlan): Promise<InstanceWithGroup[]> {
  const places = new Set(plan.add.map(({ nodeGroupId, index }) => `${nodeGroupId} ${index}`));
  const rows = await listInstances(work.db, work.clusterId);
  return rows.filter((row) => places.has(`${row.node_group_id} ${row.index}`));
}
