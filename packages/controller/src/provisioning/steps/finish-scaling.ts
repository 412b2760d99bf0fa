import { findUnfinishedScaling, markScalingFinished } from '../../storage/scalings.ts';
import { advance } from '../cluster-work.ts';
import type { ScalingWork } from '../scaling-work.ts';
import { removeStrangers } from './remove-strangers.ts';

/** Once finished, nothing is done any more: another scaling may have begun since. */
export async function finishScaling(work: ScalingWork, description = ''): Promise<void> {
  if (!(await findUnfinishedScaling(work.db, work.scalingId))) return;
  await removeStrangers(work);
  const { clusterId, scalingId: id } = work;
  await advance(work, 'Active', description, (tx) => markScalingFinished(tx, { id, clusterId }));
}
