import { findAdoption } from '../../storage/adoptions.ts';
import { unfinishedRotations } from '../../storage/key-rotations.ts';
import { unfinishedScalings } from '../../storage/scalings.ts';
import type { ClusterWork } from '../cluster-work.ts';
import { adoptionOf, creationOf, rotationOf, scalingOf } from '../workflow-ids.ts';

/**
 * A creation, a scaling or a replacement of keys that is under way ends before its next step. One that ended long ago, or never began, stays as
 * it is.
 */
export async function stopCreation({ db, engine, clusterId }: ClusterWork): Promise<void> {
  const scalings = await unfinishedScalings(db, { clusterId });
  const rotations = await unfinishedRotations(db, clusterId);
  const adoption = await findAdoption(db, clusterId);
  const others = [
    ...(adoption ? [adoptionOf(adoption.work_id)] : []),
    ...scalings.map(({ id }) => scalingOf(id)),
    ...rotations.map(({ id, passes }) => rotationOf(id, passes)),
  ];
  for (const workflow of [creationOf(clusterId), ...others]) {
    await engine.cancel(workflow);
    await engine.settled(workflow);
  }
}
