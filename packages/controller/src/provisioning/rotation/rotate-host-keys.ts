import type { Workflow } from '../engine/engine.ts';
import type { ProvisioningParts } from '../provisioning.ts';
import { finishHostRotation } from './finish-host-rotation.ts';
import { forgetOldHostKeys, makeHostKeys, useHostKeys } from './host-key-steps.ts';
import { rotationPass } from './rotation-pass.ts';

/**
 * One pass. The old host key and the new one are both pinned before a machine shows the new one, and until it was seen: what may
 * break off anywhere leaves a key by which the machine is known.
 */
export function rotateHostKeys(parts: ProvisioningParts): Workflow {
  return rotationPass(parts, async (work, step) => {
    await step('make host keys', (signal) => makeHostKeys(work, signal));
    await step('use host keys', (signal) => useHostKeys(work, signal));
    await step('forget old host keys', (signal) => forgetOldHostKeys(work, signal));
    await step('finish', () => finishHostRotation(work));
  });
}
