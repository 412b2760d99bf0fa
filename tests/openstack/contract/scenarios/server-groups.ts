import assert from 'node:assert/strict';
import type { Stage } from '../stage.ts';
import { refused, unknownId } from './refused.ts';

export async function serverGroups({ openstack, after }: Stage): Promise<void> {
  const groups = openstack.serverGroups;
  const policies = ['affinity', 'anti-affinity', 'soft-affinity', 'soft-anti-affinity'] as const;
  for (const policy of policies) {
    const group = await groups.create(`contract-${policy}`, policy);
    after(() => groups.delete(group.id, { missingOk: true }));
    assert.deepEqual([group.policies, group.members], [[policy], []]);
    assert.deepEqual(await groups.get(group.id), group);
  }
  assert.equal((await groups.list()).length, policies.length);
  const [found, ...others] = await groups.list({ name: 'contract-affinity' });
  assert.ok(found);
  assert.equal(others.length, 0);
  assert.equal(await groups.get(unknownId), null);
  await groups.delete(found.id);
  await refused(groups.delete(found.id), 'NOT_FOUND', 'itemNotFound');
  await groups.delete(found.id, { missingOk: true });
}
