import { setTimeout as sleep } from 'node:timers/promises';
import { clusterStatuses } from '@wadi/api';
import { isTransitional } from '../../packages/controller/src/clusters/cluster-status.ts';

/** Recorded while a cluster was on its way to another status; for the others all had come to rest. */
export function isInMotion(name: string): boolean {
  return /get-deleting|before-force|force-delete|no-force|not-active|verify-twice/.test(name);
}

/** Milliseconds. */
const patience = 120_000;

/** Waits until no cluster is on its way, and none is being looked at. */
export async function settle(list: () => Promise<readonly ListedCluster[]>): Promise<void> {
  const transitional = new Set<string>(clusterStatuses.filter(isTransitional));
  for (const deadline = performance.now() + patience; ; await sleep(50)) {
    const busy = (await list()).filter(
      ({ status, verification }) => transitional.has(status) || verification?.status === 'CHECKING',
    );
    if (busy.length === 0) return;
    if (performance.now() > deadline)
      throw new Error(`clusters do not come to rest: ${busy.map(({ name }) => name).join(', ')}`);
  }
}

export interface ListedCluster {
  readonly name: string;
  readonly status: string;
  readonly verification?: { readonly status: string };
}
