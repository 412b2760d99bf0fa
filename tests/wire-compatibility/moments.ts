import type { Hold } from './held-clusters.ts';

/** Held from before the one request until the answer to the other. */
interface Moment extends Hold {
  readonly from: string;
  readonly until: string;
}

const beforeForce = 'v1-clusters-before-force';

/** Where clusters were when they were asked for, as the recorded answers tell. */
export const moments: readonly Moment[] = [
  // Begun by Sahara itself when the cluster had become Active.
  { cluster: 'c1', status: 'CHECKING', from: 'v1-cluster-create', until: 'err-cluster-verify-twice' },
  { cluster: 'c1', status: 'Deleting', from: 'v1-cluster-delete', until: 'v1-cluster-get-deleting' },
  { cluster: 'multi-1', status: 'Preparing', from: 'v1-clusters-multiple', until: beforeForce },
  { cluster: 'multi-2', status: 'Waiting', from: 'v1-clusters-multiple', until: beforeForce },
  { cluster: 'mtwo-1', status: 'Spawning', from: 'v2-clusters-multiple', until: beforeForce },
  { cluster: 'mtwo-2', status: 'InfraUpdating', from: 'v2-clusters-multiple', until: beforeForce },
];
