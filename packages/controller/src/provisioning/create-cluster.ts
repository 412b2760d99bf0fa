import type { ClusterWork } from './cluster-work.ts';
import type { Workflow } from './engine/engine.ts';
import type { ProvisioningParts } from './provisioning.ts';
import { activateCluster } from './steps/activate-cluster.ts';
import { configureInstances } from './steps/configure-instances.ts';
import { ensureManagementKeys } from './steps/ensure-management-keys.ts';
import { failCreation } from './steps/fail-creation.ts';
import { prepareInstances } from './steps/prepare-instances.ts';
import { spawnInstances } from './steps/spawn-instances.ts';
import { startInstances } from './steps/start-instances.ts';
import { validateCluster } from './steps/validate-cluster.ts';
import { waitForInstances } from './steps/wait-for-instances.ts';

/** From rows to machines that answer. */
export function createCluster(parts: ProvisioningParts): Workflow {
  return async ({ workflowId, step }, input) => {
    const work: ClusterWork = { ...parts, workflowId, clusterId: String(input.clusterId) };
    try {
      await step('validate', () => validateCluster(work));
      await step('make keys', () => ensureManagementKeys(work));
      await step('spawn instances', (signal) => spawnInstances(work, signal));
      await step('wait for instances', (signal) => waitForInstances(work, signal));
      await step('prepare instances', (signal) => prepareInstances(work, signal));
      await step('configure instances', (signal) => configureInstances(work, signal));
      await step('start instances', (signal) => startInstances(work, signal));
      await step('activate', () => activateCluster(work));
    } catch (error) {
      // When the workflow was cancelled this throws as well, before it does anything.
      await step('note the failure', (signal) => failCreation(work, error, signal));
    }
  };
}
