import { advance, type ClusterWork } from '../cluster-work.ts';

/** Lets the plugin configure its processes; `bare` has none. */
export async function configureInstances(work: ClusterWork): Promise<void> {
  await advance(work, 'Configuring');
}
