import { setTimeout as sleep } from 'node:timers/promises';
import { clusterStatuses } from '@wadi/api';
import { isTransitional } from '../../packages/controller/src/clusters/cluster-status.ts';
import type { Hold } from './held-clusters.ts';

/** Sent without waiting for what the one before has begun. */
export function isSentAtOnce(name: string): boolean {
  return /force-delete|no-force|not-active/.test(name);
}

/** Milliseconds. */
const patience = 120_000;
const transitional = new Set<string>(clusterStatuses.filter(isTransitional));

/** Waits until every cluster is where it is held, or is at rest: not on its way, and not being looked at. */
export async function settle(
  list: () => Promise<readonly ListedCluster[]>,
  held: readonly Hold[],
): Promise<void> {
  const isBusy = ({ name, status, verification }: ListedCluster) => {
    const moments = [status, verification?.status];
    const hold = held.find(({ cluster }) => cluster === name);
    return hold ? !moments.includes(hold.status) : transitional.has(status) || moments.includes('CHECKING');
  };
  for (const deadline = performance.now() + patience; ; await sleep(50)) {
    const busy = (await list()).filter(isBusy);
    if (busy.length === 0) return;
    if (performance.now() > deadline) {
      const told = busy.map(({ name, status }) => `${name} (${status})`).join(', ');
      throw new Error(`clusters do not come to rest: ${told}`);
    }
  }
}

export interface ListedCluster {
  readonly name: string;
  readonly status: string;
  readonly verification?: { readonly status: string };
}
