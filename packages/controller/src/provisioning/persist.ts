import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterStatus } from '@wadi/api';
import { setStatus } from '../storage/clusters.ts';
import type { ClusterWork } from './cluster-work.ts';
import { ClusterGoneError } from './provisioning-error.ts';

/** Milliseconds between attempts, growing. */
const firstPause = 1_000;
const longestPause = 60_000;

/**
 * Does what must be done in the end, however long it takes: a machine that cannot be deleted now is still there, and
 * forgetting it would leave it running for ever. Says on the cluster what it waits for; `status` is the one it has
 * meanwhile, null where nothing is to be said.
 */
export async function persist<T>(
  work: ClusterWork,
  act: string,
  attempt: () => Promise<T>,
  signal: AbortSignal,
  status: ClusterStatus | null = 'Deleting',
): Promise<T> {
  for (let pause = firstPause; ; pause = Math.min(pause * 2, longestPause)) {
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ClusterGoneError) throw error;
      work.log.warn({ err: error, cluster: work.clusterId }, `${act} failed; trying again`);
      const reason = `${act}: ${(error as Error).message}; trying again`;
      if (status !== null) {
        const change = await setStatus(work.db, work.clusterId, status, reason).catch(() => 'unchanged');
        if (change === 'deleting') throw new ClusterGoneError(work.clusterId);
      }
      await sleep(pause, undefined, { signal }).catch(() => {});
      signal.throwIfAborted();
    }
  }
}
