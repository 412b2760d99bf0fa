import type { ClusterStatus } from '@wadi/api';

/**
 * The ways a cluster goes, each in order; steps may be left out (a cloud that has nothing to wait for does not
 * wait), never gone back.
 */
const ways: readonly (readonly ClusterStatus[])[] = [
  ['Validating', 'InfraUpdating', 'Spawning', 'Waiting', 'Preparing', 'Configuring', 'Starting', 'Active'],
  [
    'Active',
    'Validating',
    'Decommissioning',
    'Deleting Instances',
    'Scaling',
    'Adding Instances',
    'Scaling: Spawning',
    'Scaling: Waiting',
    'Scaling: Preparing',
    'Configuring',
    'Starting',
    'Active',
  ],
];

const rollback: readonly ClusterStatus[] = [
  'Rollback: Spawning',
  'Rollback: Waiting',
  'Rollback: Preparing',
  'Active',
];

/** What a rollback may begin from: whatever lies between the start of a scaling and its end. */
const undoable: readonly ClusterStatus[] = [
  'Decommissioning',
  'Deleting Instances',
  'Scaling',
  'Adding Instances',
  'Scaling: Spawning',
  'Scaling: Waiting',
  'Scaling: Preparing',
  'Configuring',
  'Starting',
];

const next = new Map<ClusterStatus, Set<ClusterStatus>>();

for (const way of [...ways, rollback]) {
  for (const [index, from] of way.entries()) {
    // Both ends of the scaling way are `Active`; from its beginning there is only one thing to do.
    if (from === 'Active') {
      if (index === 0) allow('Active', 'Validating');
      continue;
    }
    for (const to of way.slice(index + 1)) allow(from, to);
  }
}
for (const from of undoable) allow(from, 'Rollback: Spawning');
for (const from of ['Active', 'Error'] as const) allow(from, 'AwaitingTermination');

function allow(from: ClusterStatus, to: ClusterStatus): void {
  const known = next.get(from);
  if (known) known.add(to);
  else next.set(from, new Set([to]));
}

/** `Deleting` is final: nothing may overwrite it, and everything else may turn into it. */
export function mayBecome(from: ClusterStatus, to: ClusterStatus): boolean {
  if (from === 'Deleting') return false;
  if (to === 'Deleting' || to === 'Error') return from !== to;
  return next.get(from)?.has(to) ?? false;
}

/** Whether somebody is at work on the cluster. */
export function isTransitional(status: ClusterStatus): boolean {
  return status !== 'Active' && status !== 'Error' && status !== 'AwaitingTermination';
}
