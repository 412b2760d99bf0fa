import type { Workflow, WorkflowContext } from '../engine/engine.ts';
import { StepError } from '../engine/step-outcome.ts';
import type { ProvisioningParts } from '../provisioning.ts';
import type { RotationWork } from './rotation-work.ts';

/** A workflow over the machines that are left, which ends without a word when their cluster goes. */
export function rotationPass(
  parts: ProvisioningParts,
  pass: (work: RotationWork, step: WorkflowContext['step']) => Promise<void>,
): Workflow {
  return async ({ workflowId, step }, input) => {
    const [clusterId, rotationId] = [String(input.clusterId), String(input.rotationId)];
    try {
      await pass({ ...parts, workflowId, clusterId, rotationId }, step);
    } catch (error) {
      if (!(error instanceof StepError) || error.kind !== 'ClusterGoneError') throw error;
    }
  };
}
