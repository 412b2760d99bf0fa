import { advance, type ClusterWork } from '../cluster-work.ts';

/**
 * Makes the machines know each other by name. The machines of the sandbox have their names from the cloud, and those
 * of an inventory are left as their owner set them up: nothing is written to either.
 */
export async function prepareInstances(work: ClusterWork): Promise<void> {
  await advance(work, 'Preparing');
}
