import { afterEach, beforeEach, expect, test } from 'vitest';
import type { OpenStack } from '../openstack.ts';
import { projectId, TestCloud } from '../test-cloud.ts';

const base = '/network/v2.0';
const common = {
  project_id: projectId,
  tenant_id: projectId,
  description: '',
  revision_number: 1,
  tags: ['wadi'],
};
const network = {
  ...common,
  id: '41b625cb-76ee-4704-9167-107fa318efb6',
  name: 'private',
  status: 'ACTIVE',
  subnets: ['19cb7336-cd2f-4ccb-ae77-5d9b7d07875e'],
  shared: false,
  mtu: 1450,
  'router:external': false,
};
const subnet = {
  ...common,
  id: '19cb7336-cd2f-4ccb-ae77-5d9b7d07875e',
  name: 'private',
  network_id: network.id,
  cidr: '10.20.0.0/24',
  ip_version: 4,
  gateway_ip: '10.20.0.1',
  enable_dhcp: true,
};
const port = {
  ...common,
  id: '0502d98f-6163-4ed3-916d-08c20ff8b6d8',
  name: '',
  status: 'ACTIVE',
  network_id: network.id,
  mac_address: 'fa:16:3e:68:55:1e',
  device_owner: 'compute:nova',
  device_id: 'server-1',
  fixed_ips: [{ subnet_id: subnet.id, ip_address: '10.20.0.66' }],
  security_groups: ['04ad8629-8134-4cf2-9f01-4a331a6bba3d'],
  'binding:vnic_type': 'normal',
};
const router = {
  ...common,
  id: 'r',
  name: 'router',
  status: 'ACTIVE',
  external_gateway_info: null,
  routes: [],
};
const floatingIp = {
  ...common,
  id: 'd1422ad2-32d3-4f4e-923f-9882651a7f41',
  floating_ip_address: '203.0.113.144',
  floating_network_id: 'd5b0d3d3-6c16-47ea-b389-93347ca1f1a4',
  router_id: null,
  port_id: null,
  fixed_ip_address: null,
  status: 'DOWN',
};
const rule = {
  id: 'rule',
  security_group_id: 'group',
  direction: 'ingress',
  ethertype: 'IPv4',
  protocol: 'tcp',
  port_range_min: 22,
  port_range_max: 22,
  remote_ip_prefix: '198.51.100.1/32',
  remote_group_id: null,
  remote_address_group_id: null,
};
const group = { ...common, id: 'group', name: 'wadi-proxy', security_group_rules: [rule] };
let cloud: TestCloud;
let client: OpenStack;

beforeEach(async () => {
  cloud = await TestCloud.start();
  client = cloud.client();
});
afterEach(() => cloud.stop());

test.each([
  ['networks', 'networks', 'network', 'networks', network, { name: 'private' }],
  [
    'subnets',
    'subnets',
    'subnet',
    'subnets',
    subnet,
    { network_id: 'n', cidr: '10.20.0.0/24', ip_version: 4 },
  ],
  ['ports', 'ports', 'port', 'ports', port, { network_id: 'n', security_groups: ['g'] }],
  ['routers', 'routers', 'router', 'routers', router, { name: 'router' }],
  [
    'floatingIps',
    'floatingips',
    'floatingip',
    'floatingips',
    floatingIp,
    { floating_network_id: 'x', port_id: 'p' },
  ],
  ['securityGroups', 'security-groups', 'security_group', 'security_groups', group, { name: 'wadi-proxy' }],
] as const)(
  '%s are created, read, listed, changed, tagged and deleted',
  async (name, path, one, many, item, wanted) => {
    const resource = client[name] as typeof client.networks;
    const url = `${base}/${path}`;
    cloud.on(`POST ${url}`, () => ({ status: 201, body: { [one]: item } }));
    cloud.on(`GET ${url}`, () => ({ body: { [many]: [item, { ...item, id: 'other', tags: [] }] } }));
    cloud.on(`GET ${url}/${item.id}`, () => ({ body: { [one]: item } }));
    cloud.on(`PUT ${url}/${item.id}`, () => ({ body: { [one]: item } }));
    cloud.on(`PUT ${url}/${item.id}/tags/mine`, () => ({ status: 201, body: '' }));
    cloud.on(`PUT ${url}/${item.id}/tags`, () => ({ body: { tags: ['a', 'b'] } }));
    cloud.on(`DELETE ${url}/${item.id}`, () => ({ status: 204, body: '' }));

    expect((await resource.create(wanted as never)).id).toBe(item.id);
    expect(cloud.requests(`POST ${url}`)[0]?.body).toEqual({ [one]: wanted });
    expect(await resource.get(item.id)).toMatchObject({ id: item.id });
    expect(await resource.get('none')).toBeNull();
    expect((await resource.list({ tags: ['wadi'] })).map(({ id }) => id)).toEqual([item.id]);
    expect(cloud.received.at(-1)?.path).toBe(`${url}?tags=wadi&limit=500`);
    expect((await resource.update(item.id, { description: 'new' })).id).toBe(item.id);
    await resource.addTag(item.id, 'mine');
    // Neutron refuses a tag that is named twice, and stores one with other than ASCII in the path as another one.
    await resource.setTags(item.id, ['a', 'fünf', 'a']);
    expect(cloud.received.at(-1)?.body).toEqual({ tags: ['a', 'fünf'] });
    for (const tag of ['a,b', 'fünf'])
      await expect(resource.addTag(item.id, tag)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await resource.delete(item.id);
    await resource.delete('none', { missingOk: true });
    await expect(resource.delete('none')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  },
);

test('a Neutron that passes over filters is not believed', async () => {
  cloud.on(`GET ${base}/ports`, () => ({
    body: { ports: [port, { ...port, id: 'x', device_id: 'server-2' }] },
  }));
  expect((await client.ports.list({ device_id: 'server-1' })).map(({ id }) => id)).toEqual([port.id]);
  const external = { ...network, id: 'y', 'router:external': true };
  cloud.on(`GET ${base}/networks`, () => ({ body: { networks: [network, external] } }));
  expect((await client.networks.list({ 'router:external': true })).map(({ id }) => id)).toEqual(['y']);
});

test("a router's interface is added once: a second PUT would be refused", async () => {
  const add = `PUT ${base}/routers/r/add_router_interface`;
  cloud.on(add, () => ({ body: { id: 'r', port_id: 'p', subnet_id: 's', subnet_ids: ['s'] } }));
  expect(await client.routers.addInterface('r', 's')).toBe('p');
  cloud.on(add, ({ socket }) => void socket.destroy());
  await expect(client.routers.addInterface('r', 's')).rejects.toMatchObject({
    code: 'CONNECTION_LOST',
    maybeDone: true,
    retryable: false,
  });
  expect(cloud.requests(add)).toHaveLength(2);
});

test("a router's interface is removed, also when the first answer got lost", async () => {
  const remove = `PUT ${base}/routers/r/remove_router_interface`;
  let turn = 0;
  cloud.on(remove, ({ socket }) => {
    turn += 1;
    if (turn === 1) return void socket.destroy();
    const message = 'Router r has no interface on subnet s';
    return {
      status: 404,
      body: { NeutronError: { type: 'RouterInterfaceNotFoundForSubnet', message, detail: '' } },
    };
  });
  await client.routers.removeInterface('r', 's', { missingOk: true });
  await expect(client.routers.removeInterface('r', 's')).rejects.toMatchObject({
    code: 'NOT_FOUND',
    type: 'RouterInterfaceNotFoundForSubnet',
  });
});

test('rules: the same again is a conflict that says so', async () => {
  const path = `${base}/security-group-rules`;
  cloud.on(`POST ${path}`, () => ({ status: 201, body: { security_group_rule: rule } }));
  cloud.on(`GET ${path}`, () => ({ body: { security_group_rules: [rule] } }));
  const wanted = {
    security_group_id: 'group',
    direction: 'ingress',
    ethertype: 'IPv4',
    protocol: 'tcp',
  } as const;
  expect(await client.securityGroupRules.create(wanted)).toMatchObject({ port_range_min: 22 });
  expect(await client.securityGroupRules.list({ security_group_id: 'group' })).toHaveLength(1);
  const message = 'Security group rule already exists. Rule id is b011f472-1f91-427b-bb64-2e06186cb849.';
  cloud.on(`POST ${path}`, () => ({
    status: 409,
    body: { NeutronError: { type: 'SecurityGroupRuleExists', message, detail: '' } },
  }));
  await expect(client.securityGroupRules.create(wanted)).rejects.toMatchObject({
    code: 'CONFLICT',
    type: 'SecurityGroupRuleExists',
    said: message,
  });
  await client.securityGroupRules.delete('none', { missingOk: true });
});

test('the quota of the project', async () => {
  const usage = { limit: 10, used: 1, reserved: 0 };
  const kinds = [
    'network',
    'subnet',
    'port',
    'router',
    'floatingip',
    'security_group',
    'security_group_rule',
  ];
  const quota = Object.fromEntries(kinds.map((kind) => [kind, usage]));
  cloud.on(`GET ${base}/quotas/${projectId}/details`, () => ({ body: { quota } }));
  expect(await client.networkQuotas()).toMatchObject({ floatingip: usage });
});
