import type { OpenStack } from '@wadi/openstack';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runOnAll, startLabController, until, untilGone } from './lab-controller.ts';
import { clientOf, type Furniture, furniture, inventory, labUser } from './project.ts';
import { openPorts } from './scan.ts';

let openstack: OpenStack;
let given: Furniture;
let before: string[];
let router: string;

beforeAll(async () => {
  openstack = clientOf(labUser('demo', 'demo'));
  given = await furniture(openstack);
  before = await inventory(openstack);
  router = (await openstack.routers.list({ name: 'router' }))[0]?.id ?? '';
});
afterAll(() => openstack?.close());

const throughRouter = 'ip netns exec qrouter-{router_id} nc {host} {port}';

interface Way {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly proxies: number;
  readonly machines: number;
  readonly floating: number;
}

const ways: Readonly<Record<string, Way>> = {
  'floating addresses on all, no proxy': {
    settings: { access_method: 'floating_ip' },
    ...{ proxies: 0, machines: 2, floating: 2 },
  },
  'the router’s namespace, no floating address at all': {
    settings: { access_method: 'netns' },
    ...{ proxies: 0, machines: 2, floating: 0 },
  },
  'the router’s namespace to the proxy, and on through it': {
    settings: { access_method: 'netns' },
    ...{ proxies: 1, machines: 1, floating: 0 },
  },
  'a proxy command to the proxy': {
    settings: { access_method: 'proxy_command', proxy_command: throughRouter },
    ...{ proxies: 1, machines: 1, floating: 0 },
  },
  'an agent on the proxy; nothing can be reached from outside': {
    settings: { access_method: 'agent', agent_listen: '203.0.113.1:8022' },
    ...{ proxies: 1, machines: 1, floating: 0 },
  },
};

test.each(Object.entries(ways))('%s', async (_, { settings, proxies, machines, floating }) => {
  const wadi = await startLabController(openstack, settings);
  try {
    await wadi.request('POST', `/v2/images/${given.image}`, { username: 'debian' });
    const group = { flavor_id: given.flavor, node_processes: ['machine'] };
    const created = await wadi.request('POST', '/v2/clusters', {
      ...{ name: 'ways', plugin_name: 'bare', plugin_version: '1.0' },
      ...{ default_image_id: given.image, neutron_management_network: given.network },
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
    if (settings.access_method === 'agent') {
      const instances = cluster.node_groups.flatMap((one: { instances: object[] }) => one.instances);
      const addresses = instances.map((one: { internal_ip: string }) => one.internal_ip);
      const inRouter = ['ip', 'netns', 'exec', `qrouter-${router}`];
      expect(await openPorts(addresses, [22], inRouter)).toEqual([]);
    }
    await wadi.request('DELETE', `/v2/clusters/${id}`);
    await untilGone(wadi, id);
    expect(await inventory(openstack)).toEqual(before);
  } finally {
    await wadi.stop();
  }
});
