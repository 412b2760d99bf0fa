import assert from 'node:assert/strict';
import type { Network, Subnet } from '@wadi/openstack';
import type { Stage } from '../stage.ts';

/** The first of those that floating IPs come from. */
export async function outsideNetwork({ openstack }: Stage): Promise<Network> {
  const [outside] = await openstack.networks.list({ 'router:external': true });
  assert.ok(outside, 'the cloud has no external network');
  return outside;
}

/** With the addresses of 192.0.2.0/24. */
export async function makeNetwork({
  openstack,
  after,
}: Stage): Promise<{ readonly network: Network; readonly subnet: Subnet }> {
  const network = await openstack.networks.create({ name: 'contract' });
  after(() => openstack.networks.delete(network.id, { missingOk: true }));
  const subnet = await openstack.subnets.create({
    network_id: network.id,
    name: 'contract',
    cidr: '192.0.2.0/24',
    ip_version: 4,
  });
  return { network, subnet };
}
