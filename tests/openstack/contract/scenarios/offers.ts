import assert from 'node:assert/strict';
import type { Stage } from '../stage.ts';
import { unknownId } from './refused.ts';

/** What the cloud has to offer, and how much of it the project may have. */
export async function offers({ openstack, limit, after }: Stage): Promise<void> {
  const flavors = await openstack.offers.flavors();
  const [first] = flavors;
  assert.ok(first);
  assert.deepEqual(await openstack.offers.flavor(first.id), first);
  assert.equal(await openstack.offers.flavor(unknownId), null);
  assert.ok((await openstack.offers.availabilityZones()).includes('nova'));

  after(() => limit('compute', 'instances', -1));
  await limit('compute', 'instances', 3);
  const limits = await openstack.offers.limits();
  assert.deepEqual([limits.maxTotalInstances, limits.totalInstancesUsed], [3, 0]);
  after(() => limit('network', 'network', -1));
  await limit('network', 'network', 2);
  const quotas = await openstack.networkQuotas();
  assert.deepEqual(quotas.network, { limit: 2, used: 0, reserved: 0 });
}
