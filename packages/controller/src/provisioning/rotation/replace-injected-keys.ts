import type { RunTargetError } from '@wadi/api';
import { describeProblem } from '../../access/access-problem.ts';
import { instancesWithInjectedKey } from '../../storage/injected-host-keys.ts';
import { rotatingMachines } from '../../storage/key-rotations.ts';
import { type ClusterWork, theCluster } from '../cluster-work.ts';
import { ProvisioningError } from '../provisioning-error.ts';
import { beginHostRotation } from './begin-host-rotation.ts';
import { finishHostRotation } from './finish-host-rotation.ts';
import { forgetOldHostKeys, makeHostKeys, useHostKeys } from './host-key-steps.ts';

/**
 * Machines whose host key came with their user data, which others there can read, make their own: before that none of them
 * counts as known. Does nothing where there are none.
 */
export async function replaceInjectedKeys(work: ClusterWork, signal: AbortSignal): Promise<void> {
  const { db, events } = work;
  const cluster = await theCluster(work);
  const injected = await instancesWithInjectedKey(db, cluster.id);
  if (injected.length === 0) return;
  const rotation = await db.transaction().execute(async (tx) => {
    await tx.selectFrom('cluster').select('id').where('id', '=', cluster.id).forUpdate().execute();
    return beginHostRotation(events, tx, cluster, injected);
  });
  const replacing = { ...work, rotationId: rotation.id };
  await makeHostKeys(replacing, signal);
  await useHostKeys(replacing, signal);
  await forgetOldHostKeys(replacing, signal);
  const wanted = new Set(injected);
  const left = (await rotatingMachines(db, rotation.id)).filter(
    ({ instance_id, state }) => wanted.has(instance_id) && state !== 'done',
  );
  await finishHostRotation(replacing);
  if (left.length === 0) return;
  const told = left.map(({ instance_name, problem }) => {
    const why = problem === null ? '' : `: ${describeProblem(problem as unknown as RunTargetError)}`;
    return `machine ${instance_name} has no host key of its own${why}`;
  });
  throw new ProvisioningError(told.join('; '));
}
