import type { Workflow } from '../engine/engine.ts';
import { StepError } from '../engine/step-outcome.ts';
import type { ProvisioningParts } from '../provisioning.ts';
import { finishManagementRotation } from './finish-management-rotation.ts';
import { letNextKeyIn } from './let-next-key-in.ts';
import type { RotationWork } from './rotation-work.ts';
import { takeOldKeyOut } from './take-old-key-out.ts';

/**
 * One pass: a machine goes from the old key to the new one in steps of which each leaves a key that opens it, known to the
 * database. Those that cannot be reached wait for the next pass.
 */
export function rotateManagementKeys(parts: ProvisioningParts): Workflow {
  return async ({ workflowId, step }, input) => {
    const [clusterId, rotationId] = [String(input.clusterId), String(input.rotationId)];
    const work: RotationWork = { ...parts, workflowId, clusterId, rotationId };
    try {
      await step('let the next key in', (signal) => letNextKeyIn(work, signal));
      await step('take the old key out', (signal) => takeOldKeyOut(work, signal));
      await step('finish', () => finishManagementRotation(work));
    } catch (error) {
      // Whatever was to be done is done, or has nobody any more for whom it would be.
      if (!(error instanceof StepError) || error.kind !== 'ClusterGoneError') throw error;
    }
  };
}
