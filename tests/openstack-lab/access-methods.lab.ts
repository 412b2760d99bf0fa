import type { AccessMethod } from '@wadi/api';
import type { OpenStack } from '@wadi/openstack';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LabController, runOnAll, startLabController, until, untilGone } from './lab-controller.ts';
import { clientOf, type Furniture, furniture, inventory, labUser } from './project.ts';
import { openPorts } from './scan.ts';

let openstack: OpenStack;
let given: Furniture;
let before: string[];
let router: string;
let wadi: LabController;

beforeAll(async () => {
  openstack = clientOf(labUser('demo', 'demo'));
  given = await furniture(openstack);
  before = await inventory(openstack);
  router = (await openstack.routers.list({ name: 'router' }))[0]?.id ?? '';
  wadi = await startLabController(openstack, {
    proxy_command: 'ip netns exec qrouter-{router_id} nc {host} {port}',
    agent_listen: '203.0.113.1:8022',
  });
  await wadi.request('POST', `/v2/images/${given.image}`, { username: 'debian' });
});
afterAll(async () => {
  await wadi?.stop();
  await openstack?.close();
});

interface Way {
  readonly method: AccessMethod;
  readonly proxies: number;
  readonly machines: number;
  readonly floating: number;
}

const ways: Readonly<Record<string, Way>> = {
  'floating addresses on all, no proxy': {
    method: 'floating_ip',
    ...{ proxies: 0, machines: 2, floating: 2 },
  },
  'the router’s namespace, no floating address at all': {
    method: 'netns',
    ...{ proxies: 0, machines: 2, floating: 0 },
  },
  'the router’s namespace to the proxy, and on through it': {
    method: 'netns',
    ...{ proxies: 1, machines: 1, floating: 0 },
  },
  'a proxy command to the proxy': {
    method: 'proxy_command',
    ...{ proxies: 1, machines: 1, floating: 0 },
  },
  'an agent on the proxy; nothing can be reached from outside': {
    method: 'agent',
    ...{ proxies: 1, machines: 1, floating: 0 },
  },
};

// One controller has them all: each cluster is asked for with its own.
test.each(Object.entries(ways))('%s', async (_, { method, proxies, machines, floating }) => {
  const group = { flavor_id: given.flavor, node_processes: ['machine'] };
  const created = await wadi.request('POST', '/v2/clusters', {
    ...{ name: 'ways', plugin_name: 'bare', plugin_version: '1.0' },
    ...{ default_image_id: given.image, neutron_management_network: given.network },
    cluster_configs: { wadi: { access_method: method } },
    node_groups: [
      ...(proxies > 0 ? [{ ...group, name: 'gate', count: proxies, is_proxy: true }] : []),
      { ...group, name: 'inner', count: machines },
    ],
  });
  expect(created).toMatchObject({ status: 202 });
  const { id } = created.body.cluster;
  const cluster = await until(wadi, id, 'Active');
  const hosts = await runOnAll(wadi, id, 'hostname');
  expect(Object.entries(hosts).filter(([name, host]) => name !== host)).toEqual([]);
  expect(Object.keys(hosts)).toHaveLength(proxies + machines);
  const added = (await inventory(openstack)).filter((line) => !before.includes(line));
  expect(added.filter((line) => line.startsWith('floating address'))).toHaveLength(floating);
  if (method === 'agent') {
    const instances = cluster.node_groups.flatMap((one: { instances: object[] }) => one.instances);
    const addresses = instances.map((one: { internal_ip: string }) => one.internal_ip);
    const inRouter = ['ip', 'netns', 'exec', `qrouter-${router}`];
    expect(await openPorts(addresses, [22], inRouter)).toEqual([]);
  }
  await wadi.request('DELETE', `/v2/clusters/${id}`);
  await untilGone(wadi, id);
  expect(await inventory(openstack)).toEqual(before);
});
