import type { ClusterWork } from './cluster-work.ts';
import type { Workflow } from './engine/engine.ts';
import { persist } from './persist.ts';
import type { ProvisioningParts } from './provisioning.ts';
import { closeAccess } from './steps/close-access.ts';
import { deleteMachines } from './steps/delete-machines.ts';
import { removeCluster } from './steps/remove-cluster.ts';
import { stopCreation } from './steps/stop-creation.ts';

/** From status `Deleting` to nothing: the row goes last, so that what is left over can always be seen. */
export function deleteCluster(parts: ProvisioningParts): Workflow {
  return async ({ workflowId, step }, input) => {
    const work: ClusterWork = { ...parts, workflowId, clusterId: String(input.clusterId) };
    // A deletion that failed would be over, and its cluster undeletable.
    const must = (name: string, act: (work: ClusterWork, signal: AbortSignal) => Promise<void>) =>
      step(name, (signal) => persist(work, name, () => act(work, signal), signal));
    await must('stop the creation', stopCreation);
    await must('close access', closeAccess);
    await must('delete machines', deleteMachines);
    await must('remove the cluster', removeCluster);
  };
}
