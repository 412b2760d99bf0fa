import { advance, type ClusterWork } from '../cluster-work.ts';

/** Lets the plugin start its processes. A step of its own: one that runs again cannot go back to the state before. */
export async function startInstances(work: ClusterWork): Promise<void> {
  await advance(work, 'Starting');
}
