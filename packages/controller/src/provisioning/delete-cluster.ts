import type { ClusterWork } from './cluster-work.ts';
import type { Workflow } from './engine/engine.ts';
import type { ProvisioningParts } from './provisioning.ts';
import { closeAccess } from './steps/close-access.ts';
import { deleteMachines } from './steps/delete-machines.ts';
import { removeCluster } from './steps/remove-cluster.ts';
import { stopCreation } from './steps/stop-creation.ts';

/** From status `Deleting` to nothing: the row goes last, so that what is left over can always be seen. */
export function deleteCluster(parts: ProvisioningParts): Workflow {
  return async ({ workflowId, step }, input) => {
    const work: ClusterWork = { ...parts, workflowId, clusterId: String(input.clusterId) };
    await step('stop the creation', () => stopCreation(work));
    await step('close access', () => closeAccess(work));
    await step('delete machines', (signal) => deleteMachines(work, signal));
    await step('remove the cluster', (signal) => removeCluster(work, signal));
  };
}
