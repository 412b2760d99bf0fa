import assert from 'node:assert/strict';
import type { Stage } from '../stage.ts';
import { refused } from './refused.ts';
import { live, vanish } from './resource.ts';

/** Networks, their subnets and ports. */
export async function networks(stage: Stage): Promise<void> {
  const { openstack, limit, after } = stage;
  const network = await live(stage, openstack.networks, {
    make: { name: 'contract', description: 'a: b, c', port_security_enabled: true },
    change: { name: 'contract-changed', description: 'of a test' },
    filters: [{ name: 'contract-changed' }, { description: 'of a test' }],
  });
  const outside = await openstack.networks.list({ 'router:external': true });
  assert.ok(outside.length > 0 && !outside.some(({ id }) => id === network.id));

  const subnet = await live(stage, openstack.subnets, {
    make: {
      network_id: network.id,
      name: 'contract',
      description: 'of a test',
      cidr: '192.0.2.0/24',
      ip_version: 4,
      gateway_ip: '192.0.2.1',
      enable_dhcp: true,
      dns_nameservers: ['198.51.100.53'],
    },
    change: { name: 'contract-changed', gateway_ip: null, enable_dhcp: false },
    filters: [{ name: 'contract-changed' }, { network_id: network.id }],
  });
  const port = await live(stage, openstack.ports, {
    make: {
      network_id: network.id,
      name: 'contract',
      description: 'of a test',
      fixed_ips: [{ subnet_id: subnet.id, ip_address: '192.0.2.10' }],
      security_groups: [],
      port_security_enabled: true,
      allowed_address_pairs: [{ ip_address: '192.0.2.99' }],
    },
    change: { name: 'contract-changed', allowed_address_pairs: [] },
    filters: [
      { name: 'contract-changed' },
      { description: 'of a test', network_id: network.id },
      { network_id: network.id, device_id: '', device_owner: '' },
    ],
  });
  assert.deepEqual(port.fixed_ips, [{ subnet_id: subnet.id, ip_address: '192.0.2.10' }]);
  const free = await openstack.ports.create({ network_id: network.id, port_security_enabled: false });
  after(() => openstack.ports.delete(free.id, { missingOk: true }));
  assert.deepEqual(free.security_groups, []);

  const tight = {
    network_id: network.id,
    cidr: '203.0.113.0/30',
    ip_version: 4,
    enable_dhcp: false,
  } as const;
  const full = await openstack.subnets.create(tight);
  after(() => openstack.subnets.delete(full.id, { missingOk: true }));
  const one = { network_id: network.id, fixed_ips: [{ subnet_id: full.id }] };
  const last = await openstack.ports.create(one);
  after(() => openstack.ports.delete(last.id, { missingOk: true }));
  await refused(openstack.ports.create(one), 'CONFLICT', 'IpAddressGenerationFailure');
  await openstack.ports.delete(last.id);
  await openstack.subnets.delete(full.id);
  await refused(openstack.subnets.create({ ...tight, cidr: '192.0.2.0/25' }), 'BAD_REQUEST', 'InvalidInput');

  const taken = { network_id: network.id, fixed_ips: [{ ip_address: '192.0.2.10' }] };
  await refused(openstack.ports.create(taken), 'CONFLICT', 'IpAddressAlreadyAllocated');
  await refused(openstack.networks.delete(network.id), 'CONFLICT', 'NetworkInUse');
  await refused(openstack.subnets.delete(subnet.id), 'CONFLICT', 'SubnetInUse');
  after(() => limit('network', 'network', -1));
  await limit('network', 'network', 1);
  await refused(openstack.networks.create({ name: 'too-many' }), 'QUOTA_EXCEEDED', 'OverQuota');
  assert.deepEqual((await openstack.networkQuotas()).network, { limit: 1, used: 1, reserved: 0 });

  await openstack.ports.delete(free.id);
  await vanish(openstack.ports, port.id);
  await vanish(openstack.subnets, subnet.id);
  await vanish(openstack.networks, network.id);
}
