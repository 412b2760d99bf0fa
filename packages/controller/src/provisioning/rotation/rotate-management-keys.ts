import type { Workflow } from '../engine/engine.ts';
import type { ProvisioningParts } from '../provisioning.ts';
import { finishManagementRotation } from './finish-management-rotation.ts';
import { letNextKeyIn } from './let-next-key-in.ts';
import { rotationPass } from './rotation-pass.ts';
import { takeOldKeyOut } from './take-old-key-out.ts';

/**
 * One pass: a machine goes from the old key to the new one in steps of which each leaves a key that opens it, known to the
 * database. Those that cannot be reached wait for the next pass.
 */
export function rotateManagementKeys(parts: ProvisioningParts): Workflow {
  return rotationPass(parts, async (work, step) => {
    await step('let the next key in', (signal) => letNextKeyIn(work, signal));
    await step('take the old key out', (signal) => takeOldKeyOut(work, signal));
    await step('finish', () => finishManagementRotation(work));
  });
}
