import type { UnfinishedRotation } from '../clusters/cluster-provisioning.ts';
import type { ClusterWork } from './cluster-work.ts';
import type { Workflow } from './engine/engine.ts';
import type { ProvisioningParts } from './provisioning.ts';
import { activateAdopted } from './steps/activate-adopted.ts';
import { failCreation } from './steps/fail-creation.ts';
import { learnHostKeys } from './steps/learn-host-keys.ts';
import { waitForInstances } from './steps/wait-for-instances.ts';

/**
 * From rows that another service wrote to machines that we reach, with a key that nobody else has. Nothing is made, and nothing on
 * the machines is changed but the key.
 */
export function adoptCluster(
  parts: ProvisioningParts,
  rotateKeys: (rotation: UnfinishedRotation) => Promise<void>,
): Workflow {
  return async ({ workflowId, step }, input) => {
    const work: ClusterWork = { ...parts, workflowId, clusterId: String(input.clusterId) };
    try {
      await step('learn host keys', () => learnHostKeys(work));
      await step('wait for instances', (signal) => waitForInstances(work, signal));
    } catch (error) {
      // When the workflow was cancelled this throws as well, before it does anything.
      await step('note the failure', (signal) => failCreation(work, error, signal, 'Adopting'));
      return;
    }
    const rotation = await step('activate', () => activateAdopted(work));
    if (rotation) await rotateKeys(rotation);
  };
}
