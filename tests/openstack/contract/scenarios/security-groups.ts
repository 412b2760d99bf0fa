import assert from 'node:assert/strict';
import type { NewSecurityGroupRule } from '@wadi/openstack';
import type { Stage } from '../stage.ts';
import { makeNetwork } from './make-network.ts';
import { refused, unknownId } from './refused.ts';
import { live, vanish } from './resource.ts';

export async function securityGroups(stage: Stage): Promise<void> {
  const { openstack, after } = stage;
  const rules = openstack.securityGroupRules;
  const group = await live(stage, openstack.securityGroups, {
    make: { name: 'contract', description: 'of a test' },
    change: { name: 'contract-changed' },
    filters: [{ name: 'contract-changed' }, { description: 'of a test' }],
  });
  assert.deepEqual([...new Set(group.security_group_rules.map(({ direction }) => direction))], ['egress']);

  const into = { security_group_id: group.id, direction: 'ingress', ethertype: 'IPv4' } as const;
  const wanted: readonly NewSecurityGroupRule[] = [
    {
      ...into,
      protocol: 'tcp',
      port_range_min: 22,
      port_range_max: 22,
      remote_ip_prefix: '198.51.100.0/24',
      description: 'SSH from outside',
    },
    { ...into, protocol: 'udp', port_range_min: 1, port_range_max: 1023, remote_group_id: group.id },
    { ...into, protocol: 'icmp' },
    { ...into, ethertype: 'IPv6', remote_ip_prefix: '2001:db8::/32' },
    { ...into, direction: 'egress', protocol: '51' },
  ];
  for (const rule of wanted) {
    const made = await rules.create(rule);
    after(() => rules.delete(made.id, { missingOk: true }));
    assert.deepEqual({ ...made, ...rule }, made);
    await refused(rules.create(rule), 'CONFLICT', 'SecurityGroupRuleExists');
  }
  // All ports: Neutron answers that there is no range.
  const all = { ...into, protocol: 'tcp', port_range_min: 1, port_range_max: 65_535 };
  const anyPort = await rules.create(all);
  after(() => rules.delete(anyPort.id, { missingOk: true }));
  assert.deepEqual([anyPort.port_range_min, anyPort.port_range_max], [null, null]);
  await refused(rules.create(all), 'CONFLICT', 'SecurityGroupRuleExists');
  const incoming = await rules.list({ security_group_id: group.id, direction: 'ingress' });
  assert.equal(incoming.length, 5);
  const [first] = incoming;
  assert.ok(first);
  assert.ok((await rules.list()).length >= 7);
  await refused(
    rules.create({ ...into, security_group_id: unknownId }),
    'NOT_FOUND',
    'SecurityGroupNotFound',
  );
  const backwards = { ...into, protocol: 'tcp', port_range_min: 2, port_range_max: 1 };
  await refused(rules.create(backwards), 'BAD_REQUEST', 'SecurityGroupInvalidPortRange');
  await rules.delete(first.id);
  await refused(rules.delete(first.id), 'NOT_FOUND', 'SecurityGroupRuleNotFound');
  await rules.delete(first.id, { missingOk: true });

  const { network } = await makeNetwork(stage);
  const port = await openstack.ports.create({ network_id: network.id, security_groups: [group.id] });
  after(() => openstack.ports.delete(port.id, { missingOk: true }));
  assert.deepEqual(port.security_groups, [group.id]);
  await refused(openstack.securityGroups.delete(group.id), 'CONFLICT', 'SecurityGroupInUse');
  await openstack.ports.delete(port.id);
  await vanish(openstack.securityGroups, group.id);
}
