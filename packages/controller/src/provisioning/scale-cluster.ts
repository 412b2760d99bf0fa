import { advance } from './cluster-work.ts';
import type { Workflow } from './engine/engine.ts';
import type { ProvisioningParts } from './provisioning.ts';
import type { ScalingWork } from './scaling-work.ts';
import { addInstances, prepareAdded, waitForAdded } from './steps/add-instances.ts';
import { configureInstances } from './steps/configure-instances.ts';
import { finishScaling } from './steps/finish-scaling.ts';
import { removeInstances } from './steps/remove-instances.ts';
import { rollBackScaling } from './steps/roll-back-scaling.ts';
import { startProcesses } from './steps/start-instances.ts';

/** Machines go first, others come after: a cloud that is nearly full has room then. */
export function scaleCluster(parts: ProvisioningParts): Workflow {
  return async ({ workflowId, step }, input) => {
    const work: ScalingWork = {
      ...parts,
      workflowId,
      clusterId: String(input.clusterId),
      scalingId: String(input.scalingId),
    };
    try {
      await step('remove instances', (signal) => removeInstances(work, signal));
      // A step of its own: one that runs again may not go back to an earlier status.
      await step('begin to add', () => advance(work, 'Scaling'));
      await step('add instances', (signal) => addInstances(work, signal));
      await step('wait for instances', (signal) => waitForAdded(work, signal));
      await step('prepare instances', (signal) => prepareAdded(work, signal));
      await step('configure instances', (signal) => configureInstances(work, signal));
      await step('start instances', (signal) =>
        startProcesses(work, { type: 'Plugin: scale cluster' }, signal),
      );
      await step('activate', () => finishScaling(work));
    } catch (error) {
      // When the workflow was cancelled this throws as well, before it does anything.
      await step('roll back', (signal) => rollBackScaling(work, error, signal));
    }
  };
}
