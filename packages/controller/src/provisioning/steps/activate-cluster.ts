import { wasEverScaled } from '../../storage/scalings.ts';
import { advance, type ClusterWork, theCluster } from '../cluster-work.ts';
import { removeStrangers } from './remove-strangers.ts';

/**
 * Once it is Active, it may be scaled: a second time this must not end a scaling that has begun since the first. A
 * cluster that was Active is so still, or has a scaling; looked at in this order, one of the two is seen.
 */
export async function activateCluster(work: ClusterWork): Promise<void> {
  if ((await theCluster(work)).status === 'Active') return;
  if (await wasEverScaled(work.db, work.clusterId)) return;
  await removeStrangers(work);
  await advance(work, 'Active');
}
