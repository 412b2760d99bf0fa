import type { ClusterWork } from '../cluster-work.ts';
import { creationOf } from '../workflow-ids.ts';

/** A creation that is under way ends before its next step. One that ended long ago, or never began, stays as it is. */
export async function stopCreation({ engine, clusterId }: ClusterWork): Promise<void> {
  await engine.cancel(creationOf(clusterId));
  await engine.settled(creationOf(clusterId));
}
