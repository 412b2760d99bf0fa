import type { InstanceFacts } from '../access/cluster-facts.ts';
import { Limiter } from '../access/limiter.ts';
import { addStepEvents } from '../storage/provision-progress.ts';
import type { ClusterWork } from './cluster-work.ts';
import { inProvisionStep } from './provision-step.ts';
import { ProvisioningError } from './provisioning-error.ts';

/** Machines on which scripts run at once. */
export const scriptsAtOnce = 20;

/** Of the provision step. */
interface Told {
  readonly name: string;
  readonly type?: string;
}

/**
 * Does the same on many machines at once, with an event for each. `act` returns what went wrong, or null. A machine that fails
 * does not keep the others from coming to their end; then all of it fails.
 */
export async function onEachMachine<T extends { readonly instance: InstanceFacts }>(
  work: ClusterWork,
  told: Told,
  machines: readonly T[],
  act: (machine: T) => Promise<string | null>,
): Promise<void> {
  await inProvisionStep(work, { ...told, total: machines.length }, async (step) => {
    const limiter = new Limiter(scriptsAtOnce);
    const ends = await Promise.allSettled(
      machines.map((machine) =>
        limiter.run(async () => {
          const problem = await act(machine);
          const { instance } = machine;
          await addStepEvents(work.db, step, [{ instance, successful: problem === null, info: problem }]);
          return problem;
        }),
      ),
    );
    const failures: string[] = [];
    for (const end of ends) {
      if (end.status === 'rejected') throw end.reason;
      if (end.value !== null) failures.push(end.value);
    }
    if (failures.length > 0) throw new ProvisioningError(failures.slice(0, 10).join('; '));
  });
}
