import { unfinishedScalings } from '../../storage/scalings.ts';
import type { ClusterWork } from '../cluster-work.ts';
import { creationOf, scalingOf } from '../workflow-ids.ts';

/**
 * A creation or scaling that is under way ends before its next step. One that ended long ago, or never began, stays as
 * it is.
 */
export async function stopCreation({ db, engine, clusterId }: ClusterWork): Promise<void> {
  const scalings = await unfinishedScalings(db, { clusterId });
  for (const workflow of [creationOf(clusterId), ...scalings.map(({ id }) => scalingOf(id))]) {
    await engine.cancel(workflow);
    await engine.settled(workflow);
  }
}
