import type { ClusterStatus } from '@wadi/api';
import { referenceTo } from '../../clouds/cloud.ts';
import { type InstanceWithGroup, listInstances } from '../../storage/instances.ts';
import { forgetInstances } from '../../storage/scalings.ts';
import { advance, type ClusterWork, cloudOf, theCluster } from '../cluster-work.ts';
import { persist } from '../persist.ts';
import { inProvisionStep } from '../provision-step.ts';
import { type ScalingWork, scalingStepType, thePlan } from '../scaling-work.ts';
import { decommissionInstances } from './decommission-instances.ts';

/** Takes away the machines that the plan names; those that are gone already have no rows any more. */
export async function removeInstances(work: ScalingWork, signal: AbortSignal): Promise<void> {
  const { remove } = await thePlan(work);
  if (remove.length === 0) return;
  await advance(work, 'Decommissioning');
  const rows = await listInstances(work.db, work.clusterId);
  const leaving = rows.filter(({ id }) => remove.includes(id));
  const ids = new Set(leaving.map(({ id }) => id));
  await decommissionInstances(work, ids, 'Plugin: decommission cluster', signal);
  const step = { name: 'Delete instances', type: scalingStepType, status: 'Decommissioning' } as const;
  await deleteInstances(work, leaving, step, signal);
}

interface Deletion {
  readonly name: string;
  /** Of the provision step. */
  readonly type: string;
  /** What the cluster is in meanwhile. */
  readonly status: ClusterStatus;
}

/**
 * Machines, what is open to them, and their rows. A machine's row goes when the machine is gone, so that none is
 * forgotten that still runs.
 */
export async function deleteInstances(
  work: ClusterWork,
  instances: readonly InstanceWithGroup[],
  { name, type, status }: Deletion,
  signal: AbortSignal,
): Promise<void> {
  const cluster = await theCluster(work);
  await inProvisionStep(work, { name, type, total: instances.length }, async () => {
    const ends = await Promise.allSettled(
      instances.map(async ({ id, name, cloud_instance_id: cloudInstanceId }) => {
        await work.access.forget([id]);
        const reference = { ...referenceTo(cluster), instanceId: id, name, cloudInstanceId };
        const remove = () =>
          work.limits.run(cluster, async () => cloudOf(work, cluster).deleteInstance(reference), signal);
        await persist(work, `deleting machine ${name}`, remove, signal, status);
        await forgetInstances(work.db, cluster.id, [id]);
        // Whoever read its row before it went may have opened another session since.
        await work.access.forget([id]);
      }),
    );
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  });
}
