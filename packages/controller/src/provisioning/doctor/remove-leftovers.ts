import { Limiter } from '../../access/limiter.ts';
import type { Cloud } from '../../clouds/cloud.ts';
import { resourceKinds } from '../../clouds/marked-resources.ts';
import { knownClusterIds } from '../../storage/clusters.ts';
import type { Database } from '../../storage/database.ts';
import type { Leftover } from './find-leftovers.ts';

export interface Removal {
  readonly leftover: Leftover;
  /** Why it is still there; null: it was removed. */
  readonly keptBecause: string | null;
}

/** Deletions that are waited for at once. */
const atOnce = 8;

/**
 * Removes what may be removed, machines first. Right before each one it is looked up whether its cluster is known by now, and in
 * the cloud whether it still has its marks.
 */
export async function removeLeftovers(
  db: Database,
  clouds: ReadonlyMap<string, Cloud>,
  leftovers: readonly Leftover[],
): Promise<Removal[]> {
  const removals: Removal[] = [];
  const limiter = new Limiter(atOnce);
  for (const kind of resourceKinds) {
    const ofKind = leftovers.filter((each) => each.kind === kind);
    removals.push(
      ...(await Promise.all(
        ofKind.map((leftover) =>
          limiter.run(async () => ({ leftover, keptBecause: await remove(db, clouds, leftover) })),
        ),
      )),
    );
  }
  return removals;
}

async function remove(
  db: Database,
  clouds: ReadonlyMap<string, Cloud>,
  leftover: Leftover,
): Promise<string | null> {
  if (leftover.keptBecause !== null) return leftover.keptBecause;
  try {
    const { cloud, projectId, clusterId } = leftover;
    if ((await knownClusterIds(db, [clusterId])).has(clusterId)) return 'its cluster is there';
    const removed = await clouds.get(cloud)?.marked?.remove(projectId, leftover);
    return removed ? null : 'it is gone, or has lost its marks';
  } catch (error) {
    return (error as Error).message;
  }
}
