import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OpenStack } from '@wadi/openstack';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Answer, LabController } from '../access/lab-controller.ts';
import { CloudBed } from '../set-up/openstack/cloud-bed.ts';
import type { Machine } from '../set-up/openstack/hooks.ts';
import { LabServers } from '../set-up/openstack/lab-servers.ts';
import { clusterBody, createCluster, registerImages, untilGone, untilStatus } from './cloud-clusters.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 180_000 });

let bed: CloudBed;
let wadi: LabController;
let demo: OpenStack;
/** What the project has without any cluster. */
let bare: object;
/** A cluster with all there is to choose, and one with nothing of that. */
let rich: string;
let plain: string;
let own: readonly [string, string];

beforeAll(async () => {
  bed = await CloudBed.open({
    config: {
      machines_at_once: { cluster: 2, project: 3 },
      // The last is the private network, from the router's namespace.
      allow_networks: ['198.18.0.0/24', '10.77.8.0/22'],
    },
  });
  wadi = await bed.controller();
  demo = bed.cloud.client();
  await registerImages(wadi, bed.cloud);
  const [first, second] = [
    await demo.securityGroups.create({ name: 'mine' }),
    await demo.securityGroups.create({ name: 'mine too' }),
  ];
  own = [first.id, second.id];
  await demo.keypairs.import('mine', readFileSync(`${bed.lab.inventory.privateKeyPath}.pub`, 'utf8'));
  bare = inventory();
  const group = { security_groups: ['mine', second.id] };
  const cluster = { user_keypair_id: 'mine', anti_affinity: ['machine'] };
  const wanted = { machines: 3, userData: 'cloud-config', group, cluster } as const;
  rich = await createCluster(wadi, clusterBody(bed.cloud, 'rich', wanted));
  plain = await createCluster(wadi, clusterBody(bed.cloud, 'plain', { machines: 1 }));
  await Promise.all([untilStatus(wadi, rich, 'Active'), untilStatus(wadi, plain, 'Active')]);
});
afterAll(async () => {
  await wadi?.stop();
  await bed?.close();
});

const inventory = () => bed.cloud.inventory('demo');

/** What a command says on each machine, by its name. */
async function said(id: string, command: string): Promise<Record<string, string>> {
  const run = await wadi.run(id, { command });
  expect(run.targets.map(({ status, error }) => error ?? status)).toEqual(run.targets.map(() => 'succeeded'));
  const output = async (name: string) => [name, (await wadi.output(run, name)).toString().trim()];
  return Object.fromEntries(await Promise.all(run.targets.map(({ instance_name }) => output(instance_name))));
}

async function instances(id: string): Promise<Answer['body'][]> {
  const { body } = await wadi.request('GET', `/v2/clusters/${id}/instances`);
  return body.instances.sort((a: Answer['body'], b: Answer['body']) => (a.name < b.name ? -1 : 1));
}

async function scale(id: string, count: number): Promise<void> {
  const resized = { resize_node_groups: [{ name: 'machine', count }] };
  const answer = await wadi.request('PUT', `/v2/clusters/${id}`, resized);
  expect(answer.status, JSON.stringify(answer.body)).toBe(202);
  await untilStatus(wadi, id, 'Active');
}

/** The groups of a server's port, by name. */
async function groupsOf(server: string): Promise<string[]> {
  const [port] = await demo.ports.list({ device_id: server });
  const names = new Map((await demo.securityGroups.list()).map(({ id, name }) => [id, name]));
  return (port?.security_groups ?? []).map((id) => names.get(id) ?? id).sort();
}

test('every machine runs commands, and those behind the proxy are reached through it alone', async () => {
  const names = ['rich-machine-0', 'rich-machine-1', 'rich-machine-2', 'rich-proxy-0'];
  expect(await said(rich, 'hostname')).toEqual(Object.fromEntries(names.map((name) => [name, name])));
  const told = (await instances(rich)).map(({ floating_ip, management_ip, route }) => [
    management_ip === floating_ip && floating_ip !== null,
    route.text,
  ]);
  const through = [false, expect.stringMatching(/^tcp > rich-proxy-0 > rich-machine-\d$/)];
  expect(told).toEqual([through, through, through, [true, 'tcp > rich-proxy-0']]);
  expect(inventory().floating_ips).toHaveLength(2);
});

test('groups let in what they are for and nothing else', async () => {
  const door = { direction: 'ingress', protocol: 'tcp', port_range_min: 22, port_range_max: 22 };
  for (const [name, id] of [
    ['rich', rich],
    ['plain', plain],
  ] as const) {
    const groups = await demo.securityGroups.list({ description: `Wadi, cluster ${id}` });
    const [atDoor, inside] = groups.sort((a, b) => (a.name < b.name ? -1 : 1));
    expect([atDoor?.name, inside?.name]).toEqual(
      ['door', 'inside'].map((role) => `wadi-${name}-${id.slice(0, 8)}-${role}`),
    );
    const lets = (group: typeof inside) =>
      group?.security_group_rules.filter(({ direction }) => direction === 'ingress');
    expect(lets(atDoor)).toEqual([
      expect.objectContaining({ ...door, ethertype: 'IPv4', remote_ip_prefix: '198.18.0.254/32' }),
    ]);
    const among = { protocol: null, remote_ip_prefix: null, remote_group_id: inside?.id };
    expect(lets(inside)?.toSorted((a, b) => `${a.ethertype}`.localeCompare(`${b.ethertype}`))).toEqual([
      expect.objectContaining({ ...among, ethertype: 'IPv4' }),
      expect.objectContaining({ ...among, ethertype: 'IPv6' }),
    ]);
    for (const machine of await instances(id)) {
      const mine = name === 'rich' && !machine.is_proxy ? ['mine', 'mine too'] : [];
      const doors = machine.is_proxy ? [atDoor?.name] : [];
      expect(await groupsOf(machine.cloud_instance_id)).toEqual([...mine, ...doors, inside?.name]);
    }
  }
  // Whose own groups these are decides what is in them.
  for (const id of own) expect((await demo.securityGroups.get(id))?.security_group_rules).toHaveLength(2);
});

test("the user's own key is let in, and nobody else's", async () => {
  const { privateKeyPath } = bed.lab.inventory;
  const options = [
    '-o',
    'StrictHostKeyChecking=no',
    '-o',
    'UserKnownHostsFile=/dev/null',
    '-o',
    'BatchMode=yes',
  ];
  const into = async (id: string) => {
    const proxy = (await instances(id)).find(({ is_proxy }) => is_proxy);
    const argv = [
      'ssh',
      '-F',
      'none',
      '-i',
      privateKeyPath,
      ...options,
      `debian@${proxy?.floating_ip}`,
      'hostname',
    ];
    return bed.lab.inController(argv);
  };
  expect(await into(rich)).toMatchObject({ status: 0, stdout: 'rich-proxy-0\n' });
  expect((await into(plain)).stderr).toContain('Permission denied');
});

test('those that are to be apart are on different hosts', async () => {
  const machines = (await instances(rich)).filter(({ is_proxy }) => !is_proxy);
  const [group, ...others] = await demo.serverGroups.list();
  expect(others).toEqual([]);
  expect(group?.members?.toSorted()).toEqual(machines.map((each) => each.cloud_instance_id).sort());
});

const consoleOutput = (machine: Machine) => bed.servers.hooks.consoleOutput(machine);

test('host keys are known from the console before the first contact', async () => {
  bed.cloud.hooks.consoleOutput = () => '';
  const id = await createCluster(wadi, clusterBody(bed.cloud, 'silent', { machines: 0 }));
  const asked = () => bed.cloud.requests.filter(({ path }) => path.endsWith('/action')).length;
  const since = asked();
  while (asked() < since + 2) await sleep(50);
  const server =
    inventory()
      .servers?.find((line) => line.includes(' silent-'))
      ?.split(' ')[0] ?? '';
  const name = LabServers.nameOf(server);
  const keys = await vi.waitUntil(() => bed.servers.hostKeysOf(server), { timeout: 60_000 });
  expect(await bed.lab.acceptedConnections(name)).toBe(0);
  bed.cloud.hooks.consoleOutput = consoleOutput;
  await untilStatus(wadi, id, 'Active');
  const [proxy] = await instances(id);
  expect(proxy.host_key.source).toBe('cloud');
  expect(proxy.host_key.fingerprints).toHaveLength(keys.length);
  await wadi.deleted(id);
});

test('a machine with other keys than its console told is not spoken to', async () => {
  const [another] = bed.lab.inventory.machines[0]?.hostKeys ?? [];
  bed.cloud.hooks.consoleOutput = (machine) =>
    (consoleOutput(machine) ?? '').replace(/ssh-ed25519 \S+/, another ?? '');
  const id = await createCluster(wadi, clusterBody(bed.cloud, 'stranger', { machines: 0 }));
  const { status_description: why } = await untilStatus(wadi, id, 'Error');
  bed.cloud.hooks.consoleOutput = consoleOutput;
  expect(why).toMatch(/host key/i);
  await wadi.deleted(id);
});

test('a machine that was built anew behind our back is a hard stop', async () => {
  const [machine] = await instances(plain);
  await bed.servers.rebuild(machine.cloud_instance_id);
  const run = await wadi.run(plain, { command: 'true' });
  const ends = Object.fromEntries(
    run.targets.map(({ instance_name, status, error }) => [instance_name, error?.code ?? status]),
  );
  expect(ends).toEqual({ 'plain-machine-0': 'HOST_KEY_MISMATCH', 'plain-proxy-0': 'succeeded' });
});

test('a cluster grows and shrinks, where there is room for its machines but not for another cluster', async () => {
  const { networkQuota } = bed.cloud.settings;
  networkQuota.security_group = inventory().security_groups?.length ?? 0;
  await scale(rich, 5);
  networkQuota.security_group = -1;
  expect(Object.keys(await said(rich, 'true'))).toHaveLength(6);
  await scale(rich, 1);
  expect(Object.keys(await said(rich, 'true')).sort()).toEqual(['rich-machine-0', 'rich-proxy-0']);
});

test('a cluster is not locked while the cloud is asked about its scaling', async () => {
  const fault = bed.cloud.faults.add('GET /compute/v2.1/flavors/detail', { stall: 3000 }, { obeys: 'first' });
  const order: string[] = [];
  const add_node_groups = [{ name: 'never', count: 1, flavor_id: randomUUID(), node_processes: ['machine'] }];
  const scaling = wadi.request('PUT', `/v2/clusters/${rich}`, { add_node_groups }).then(({ status }) => {
    order.push(`scaling ${status}`);
  });
  await expect.poll(() => fault.met, { timeout: 60_000 }).toBe(1);
  const changed = await wadi.request('PATCH', `/v2/clusters/${rich}`, { description: 'changed' });
  order.push(`change ${changed.status}`);
  await scaling;
  expect(order).toEqual(['change 202', 'scaling 400']);
});

test('templates are not locked while the cloud is asked about their changes', async () => {
  const { furniture } = bed.cloud;
  const bare = { plugin_name: 'bare', plugin_version: '1.0' };
  const group = {
    ...bare,
    name: 'slow',
    flavor_id: furniture.flavors['lab.tiny'],
    node_processes: ['machine'],
  };
  const inner = await wadi.request('POST', '/v2/node-group-templates', group);
  expect(inner.status, JSON.stringify(inner.body)).toBe(202);
  const { id } = inner.body.node_group_template;
  const five = {
    ...bare,
    name: 'slow',
    node_groups: [{ name: 'one', count: 1, node_group_template_id: id }],
  };
  const outer = await wadi.request('POST', '/v2/cluster-templates', five);
  expect(outer.status, JSON.stringify(outer.body)).toBe(202);
  const places = [
    `/v2/cluster-templates/${outer.body.cluster_template.id}`,
    `/v2/node-group-templates/${id}`,
  ];
  for (const place of places) {
    const fault = bed.cloud.faults.add(
      'GET /compute/v2.1/flavors/detail',
      { stall: 3000 },
      { obeys: 'first' },
    );
    const order: string[] = [];
    const wrong = place.includes('cluster')
      ? { node_groups: [{ ...five.node_groups[0], flavor_id: randomUUID() }] }
      : { flavor_id: randomUUID() };
    const changing = wadi.request('PATCH', place, wrong).then(({ status }) => {
      order.push(`changed ${status}`);
    });
    await expect.poll(() => fault.met, { timeout: 60_000 }).toBe(1);
    order.push(`deleted ${(await wadi.request('DELETE', place)).status}`);
    await changing;
    expect(order).toEqual(['deleted 204', 'changed 400']);
  }
});

test('a cluster that got another name keeps its groups', async () => {
  const groups = async () =>
    (await demo.securityGroups.list({ description: `Wadi, cluster ${rich}` })).map(({ id }) => id).sort();
  const before = await groups();
  const renamed = await wadi.request('PATCH', `/v2/clusters/${rich}`, { name: 'renamed' });
  expect(renamed.status, JSON.stringify(renamed.body)).toBe(202);
  await scale(rich, 2);
  expect(await groups()).toEqual(before);
  expect(Object.keys(await said(rich, 'true'))).toHaveLength(3);
});

test('a cluster is reached in the way that was chosen for it', async () => {
  const [router] = await demo.routers.list();
  // The lab's router is in a namespace of another name.
  const { namespace } = bed.lab.inventory.router ?? {};
  const alias = `/run/netns/qrouter-${router?.id}`;
  writeFileSync(alias, '');
  execFileSync('mount', ['--bind', `/run/netns/${namespace}`, alias]);
  try {
    const before = inventory().floating_ips;
    const cluster = { cluster_configs: { wadi: { access_method: 'netns' } } };
    const id = await createCluster(wadi, clusterBody(bed.cloud, 'own-way', { machines: 1, cluster }));
    await untilStatus(wadi, id, 'Active');
    expect(Object.keys(await said(id, 'true')).sort()).toEqual(['own-way-machine-0', 'own-way-proxy-0']);
    expect((await instances(id)).map(({ route }) => route.text)).toEqual([
      'netns > own-way-proxy-0 > own-way-machine-0',
      'netns > own-way-proxy-0',
    ]);
    expect(inventory().floating_ips).toEqual(before);
    expect((await wadi.request('GET', `/v2/clusters/${id}/access`)).body.access).toMatchObject({
      settings: { method: 'netns', router_id: router?.id },
      effective: { method: 'netns', problem: null },
    });
    await wadi.deleted(id);
  } finally {
    execFileSync('umount', [alias]);
    rmSync(alias);
  }
});

test('a machine without the volume that it was made with is named, and nothing of it is touched', async () => {
  const { settings } = bed.cloud;
  settings.blockStorage = true;
  bed.cloud.expireTokens();
  // The machines of the lab have the disks of this computer, and none of this size.
  const group = { volumes_per_node: 1, volumes_size: 987, volume_mount_prefix: '/srv/data' };
  const id = await createCluster(wadi, clusterBody(bed.cloud, 'disks', { machines: 1, group }));
  const cluster = await untilStatus(wadi, id, 'Error');
  settings.blockStorage = false;
  bed.cloud.expireTokens();
  expect(cluster.status_description).toMatch(
    /machine disks-machine-0: volumes: there is no disk of 987 GiB with nothing on it for \/srv\/data1/,
  );
  const step = cluster.provision_progress.find(
    ({ step_name }: Answer['body']) => step_name === 'Mount volumes',
  );
  expect(step).toMatchObject({ successful: false, total: 1 });
  await wadi.deleted(id);
});

test('what goes with one cluster is nothing of another, and in the end nothing is left', async () => {
  await wadi.deleted(rich);
  const left = inventory();
  expect(left.servers?.map((line) => line.split(' ')[1])).toEqual(
    expect.arrayContaining(['plain-machine-0', 'plain-proxy-0']),
  );
  expect([left.servers?.length, left.floating_ips?.length, left.server_groups]).toEqual([2, 1, []]);
  expect(left.security_groups?.filter((line) => line.includes('wadi-'))).toHaveLength(2);
  const run = await wadi.run(plain, { command: 'true', targets: ['proxy'] });
  expect(run.targets[0]?.status).toBe('succeeded');
  await wadi.deleted(plain);
  expect(inventory()).toEqual(bare);
});

interface Impossible {
  readonly what: string;
  readonly wanted?: object | (() => Promise<object>);
  readonly compute?: object;
  readonly network?: object | (() => object);
  readonly message: RegExp;
}

async function island(): Promise<object> {
  const { id } = await demo.networks.create({ name: 'island' });
  await demo.subnets.create({ network_id: id, cidr: '10.99.0.0/24', ip_version: 4 });
  return { cluster: { neutron_management_network: id } };
}

const nowhere = 'c7e1fd2c-5a29-4b8e-9d4e-0a4bb5b4b6d1';
test.each<Impossible>([
  { what: 'no such flavor', wanted: { group: { flavor_id: nowhere } }, message: /flavor '.*' not found/ },
  { what: 'no such group', wanted: { group: { security_groups: ['no'] } }, message: /'no' not found/ },
  { what: 'no such key pair', wanted: { cluster: { user_keypair_id: 'no' } }, message: /'no' not found/ },
  {
    what: 'no such network',
    wanted: { cluster: { neutron_management_network: nowhere } },
    message: /Network .* not found/,
  },
  { what: 'no volumes', wanted: { group: { volumes_per_node: 1, volumes_size: 1 } }, message: /no volumes/ },
  { what: 'no router', wanted: island, message: /no router that leads outside/ },
  { what: 'too many machines', compute: { instances: 2 }, message: /exceeded for instance: Requested 3/ },
  { what: 'no address left', network: { floatingip: 0 }, message: /exceeded for floating ip: Requested 1/ },
  { what: 'no group left', network: { security_group: 3 }, message: /exceeded for security group: / },
  {
    what: 'no group left for the second of two clusters',
    wanted: { cluster: { count: 2 } },
    network: () => ({ security_group: (inventory().security_groups?.length ?? 0) + 3 }),
    message: /exceeded for security group: Requested 4, but available 3/,
  },
  { what: 'no rule left', network: { security_group_rule: 12 }, message: /for security group rule: / },
  {
    what: 'a way that the controller does not have',
    wanted: { cluster: { cluster_configs: { wadi: { access_method: 'agent' } } } },
    message: /^cluster_configs\.wadi\.access_method: the access method agent needs a controller that takes/,
  },
  {
    what: 'no such way',
    wanted: { cluster: { cluster_configs: { wadi: { access_method: 'pigeon' } } } },
    message: /^Config 'access_method' of 'wadi' has a value that it cannot have/,
  },
  {
    what: 'a way through a router that is not there',
    wanted: async () => {
      const { cluster } = (await island()) as { cluster: object };
      return { cluster: { ...cluster, cluster_configs: { wadi: { access_method: 'netns' } } } };
    },
    message: /has no router through whose namespace/,
  },
])('$what: refused before anything is made', async ({ wanted = {}, compute, network, message }) => {
  const { settings } = bed.cloud;
  const quotas = structuredClone([settings.computeQuota, settings.networkQuota] as const);
  const more = typeof wanted === 'function' ? await wanted() : wanted;
  const there = inventory();
  Object.assign(settings.computeQuota, compute);
  Object.assign(settings.networkQuota, typeof network === 'function' ? network() : network);
  const body = clusterBody(bed.cloud, 'never', { machines: 2, ...more });
  const answer = await wadi.request('POST', '/v2/clusters', body);
  Object.assign(settings.computeQuota, quotas[0]);
  Object.assign(settings.networkQuota, quotas[1]);
  expect([answer.status, answer.body.error_message]).toEqual([400, expect.stringMatching(message)]);
  expect((await wadi.request('GET', '/v2/clusters')).body.clusters).toEqual([]);
  expect(inventory()).toEqual(there);
});

test('no more machines than are allowed are made at once, and what waits is not made when its cluster goes', async () => {
  const before = inventory();
  const { settings, requests } = bed.cloud;
  const usual = settings.activeAfter;
  settings.activeAfter = 600_000;
  const begun = () =>
    requests.filter(({ method, path }) => method === 'POST' && /\/servers$/.test(path)).length;
  const earlier = begun();
  try {
    const ids = await Promise.all(
      ['slow', 'slower'].map((name) => createCluster(wadi, clusterBody(bed.cloud, name, { machines: 3 }))),
    );
    const made = async () => (await demo.servers.list()).map(({ name }) => name);
    const slow = async () => (await made()).filter((name) => /^slow(er)?-/.test(name));
    await expect.poll(async () => (await slow()).length).toBe(3);
    await sleep(300);
    const names = await slow();
    expect(names).toHaveLength(3);
    expect(names.filter((name) => name.startsWith('slow-')).length).toBeOneOf([1, 2]);
    for (const id of ids) expect((await wadi.request('DELETE', `/v2/clusters/${id}`)).status).toBe(204);
    for (const id of ids) await untilGone(wadi, id);
    expect(begun() - earlier).toBe(3);
    expect(inventory()).toEqual(before);
  } finally {
    settings.activeAfter = usual;
  }
});

test('a controller that nobody could let in makes nothing', async () => {
  const other = await bed.controller({}, { controller_networks: [] });
  await registerImages(other, bed.cloud);
  const answer = await other.request('POST', '/v2/clusters', clusterBody(bed.cloud, 'never'));
  await other.stop();
  expect(answer.body).toMatchObject({
    error_code: 400,
    error_message: expect.stringMatching(/^Nobody said from which addresses machines see this controller/),
    hint: expect.stringContaining('--controller-network'),
  });
});
