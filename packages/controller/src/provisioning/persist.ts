import { setTimeout as sleep } from 'node:timers/promises';
import { setStatus } from '../storage/clusters.ts';
import type { ClusterWork } from './cluster-work.ts';

/** Milliseconds between attempts, growing. */
const firstPause = 1_000;
const longestPause = 60_000;

/**
 * Does what must be done in the end, however long it takes: a machine that cannot be deleted now is still there, and
 * forgetting it would leave it running for ever. Says on the cluster what it waits for.
 */
export async function persist<T>(
  work: ClusterWork,
  act: string,
  attempt: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  for (let pause = firstPause; ; pause = Math.min(pause * 2, longestPause)) {
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      work.log.warn({ err: error, cluster: work.clusterId }, `${act} failed; trying again`);
      const reason = `${act}: ${(error as Error).message}; trying again`;
      await setStatus(work.db, work.clusterId, 'Deleting', reason).catch(() => {});
      await sleep(pause, undefined, { signal }).catch(() => {});
      signal.throwIfAborted();
    }
  }
}
