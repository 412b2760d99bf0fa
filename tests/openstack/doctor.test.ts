import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Leftover } from '@wadi/api';
import type { OpenStack } from '@wadi/openstack';
import pg from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { runWadi } from '../cli/run-wadi.ts';
import { StandIn } from '../set-up/openstack/stand-in.ts';
import { type Controller, startController } from '../set-up/start-controller.ts';

let folder: string;
let cloud: StandIn;
let demo: OpenStack;
let controller: Controller;
/** Ids of the cluster that is there, and of the installation that made it. */
let present: string;
let own: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'wadi-doctor-'));
  // No machine tells its host keys, so that none is dialled: the cluster stays as it is.
  cloud = await StandIn.start({ publicRange: '127.77.0.0/24', privateRange: '127.78.0.0/24' });
  demo = cloud.client();
  const file = path.join(folder, 'wadi.yaml');
  const settings = {
    access_method: 'floating_ip',
    openstack: {
      ...{ cloud: 'stand-in', clouds_file: cloud.cloudsFile(path.join(folder, 'cloud')) },
      controller_networks: ['127.0.0.1/32'],
    },
  };
  writeFileSync(file, JSON.stringify(settings));
  controller = await startController({ args: ['--config', file] });
  present = await createCluster();
  own = await installationOf(present);
}, 120_000);
afterAll(async () => {
  await controller?.stop();
  await cloud?.stop();
  if (folder) rmSync(folder, { recursive: true });
});

async function createCluster(): Promise<string> {
  const { images, flavors, privateNetwork } = cloud.furniture;
  const image = images.debian ?? '';
  await controller.request('POST', `/v2/images/${image}`, { username: 'debian', description: '' });
  const common = { flavor_id: flavors['lab.small'], image_id: image };
  const { status, body } = await controller.request('POST', '/v2/clusters', {
    ...{ name: 'present', plugin_name: 'bare', plugin_version: '1.0', anti_affinity: ['machine'] },
    neutron_management_network: privateNetwork,
    default_image_id: image,
    node_groups: [
      { ...common, name: 'door', count: 1, node_processes: ['proxy'], is_proxy: true },
      { ...common, name: 'worker', count: 1, node_processes: ['machine'] },
    ],
  });
  expect(status, JSON.stringify(body)).toBe(202);
  return body.cluster.id;
}

/** Waits until all that the cluster has is made. */
async function installationOf(clusterId: string): Promise<string> {
  for (const deadline = performance.now() + 60_000; performance.now() < deadline; await sleep(50)) {
    const servers = await demo.servers.list({ tags: [`wadi-cluster-${clusterId}`] });
    const addresses = (await demo.floatingIps.list()).filter(({ tags }) => tags.length > 0);
    const tag = servers[0]?.tags.find((each) => each.startsWith('wadi-installation-'));
    if (servers.length === 2 && addresses.length === 1 && tag) return tag.slice('wadi-installation-'.length);
  }
  throw new Error('the cluster was not begun');
}

interface Left {
  readonly clusterId: string;
  readonly ids: readonly string[];
}

/** One of each kind, as a crash that took the cluster's row leaves it; some time ago. */
async function leave(installation: string | null, minutes: number): Promise<Left> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - minutes * 60_000 });
  try {
    const clusterId = randomUUID();
    const instanceId = randomUUID();
    const { flavors, images, privateNetwork, externalNetwork } = cloud.furniture;
    const mark = installation === null ? [] : [`wadi-installation-${installation}`];
    const tags = ['wadi', ...mark, `wadi-cluster-${clusterId}`];
    const description = `Wadi, cluster ${clusterId}`;
    const group = await demo.securityGroups.create({ name: 'wadi-lost-1-inside', description });
    await demo.securityGroups.setTags(group.id, tags);
    const server = await demo.servers.create({
      ...{ name: 'lost-worker-0', flavorRef: flavors['lab.small'] ?? '', imageRef: images.debian ?? '' },
      networks: [{ uuid: privateNetwork }],
      security_groups: [{ name: group.id }],
      tags: [...tags, `wadi-instance-${instanceId}`],
    });
    const address = await demo.floatingIps.create({
      floating_network_id: externalNetwork,
      description: `${description}, instance ${instanceId}`,
    });
    await demo.floatingIps.setTags(address.id, [...tags, `wadi-instance-${instanceId}`]);
    const suffix = installation === null ? '' : `-${installation}`;
    const serverGroup = await demo.serverGroups.create(`wadi-${clusterId}${suffix}`, 'anti-affinity');
    return { clusterId, ids: [server, address.id, serverGroup.id, group.id] };
  } finally {
    vi.useRealTimers();
  }
}

async function leftovers(): Promise<Leftover[]> {
  const { status, body } = await controller.request('GET', '/v2/doctor');
  expect(status).toBe(200);
  expect(body.doctor.unseen).toEqual([]);
  return body.doctor.leftovers;
}

const of = (all: readonly Leftover[], { clusterId }: Left) =>
  all.filter(({ cluster_id }) => cluster_id === clusterId);

async function everything(): Promise<string[]> {
  const inventory = cloud.inventory('demo');
  const lines = ['servers', 'floating_ips', 'server_groups', 'security_groups'].flatMap(
    (kind) => inventory[kind] ?? [],
  );
  return lines.map((line) => line.split(' ')[0] ?? '');
}

test('all that a cluster has tells which installation made it', async () => {
  const tag = `wadi-installation-${own}`;
  const inventory = cloud.inventory('demo');
  const count = (kind: string, text: string) =>
    (inventory[kind] ?? []).filter((line) => line.includes(text)).length;
  expect([count('servers', tag), count('floating_ips', tag), count('security_groups', tag)]).toEqual([
    2, 1, 2,
  ]);
  expect(count('server_groups', `wadi-${present}-${own}`)).toBe(1);
});

test('what no cluster of the database has is found, and nothing else', async () => {
  const before = await everything();
  expect(await leftovers()).toEqual([]);
  const stranger = await demo.securityGroups.create({ name: 'wadi-looks-like-it', description: 'mine' });
  const left = await leave(own, 30);
  const found = await leftovers();
  expect(found.map(({ kind, id }) => [kind, id])).toEqual([
    ['server', left.ids[0]],
    ['floating_ip', left.ids[1]],
    ['server_group', left.ids[2]],
    ['security_group', left.ids[3]],
  ]);
  for (const each of found)
    expect(each).toMatchObject({
      ...{ cloud: 'openstack', project_id: 'default', cluster_id: left.clusterId },
      ...{ installation_id: own, kept_because: null },
    });

  const ended = await runWadi(['doctor', '--remove'], { data: controller.data });
  expect([ended.code, ended.stderr]).toEqual([0, '']);
  for (const id of left.ids) expect(ended.stdout).toMatch(new RegExp(`${id}.* removed\n`));
  expect((await everything()).sort()).toEqual([...before, stranger.id].sort());
  await demo.securityGroups.delete(stranger.id);
  const again = await runWadi(['doctor'], { data: controller.data });
  expect([again.code, again.stdout]).toEqual([0, 'Nothing is left of clusters that are gone.\n']);
}, 120_000);

test('what another installation made, what nobody can tell, and what is new stays, even when it is asked for', async () => {
  const theirs = await leave(randomUUID(), 30);
  const nobodys = await leave(null, 30);
  const fresh = await leave(own, 0);
  const found = await leftovers();
  for (const { kept_because } of of(found, theirs)) expect(kept_because).toContain('another installation');
  for (const { kept_because } of of(found, nobodys)) expect(kept_because).toContain('nothing on it tells');
  for (const { kept_because } of of(found, fresh)) expect(kept_because).toContain('ten minutes');
  const before = await everything();
  const asked = [...of(found, theirs), ...of(found, nobodys), ...of(found, fresh)];
  expect(asked).toHaveLength(12);
  const present = (await demo.servers.list({ name: 'present-worker-0' }))[0]?.id ?? '';
  const references = [
    ...asked.map(({ cloud: at, project_id, kind, id }) => ({ cloud: at, project_id, kind, id })),
    { cloud: 'openstack', project_id: 'default', kind: 'server', id: present },
  ];
  const { status, body } = await controller.request('POST', '/v2/doctor/remove', { leftovers: references });
  expect([status, body.removed]).toEqual([200, []]);
  expect(body.kept).toHaveLength(13);
  expect(await everything()).toEqual(before);
}, 60_000);

test('what OpenStack does not give up is told, and the rest goes', async () => {
  const left = await leave(own, 30);
  cloud.faults.add('DELETE /network/v2.0/security-groups/*', { status: 409 });
  const first = await runWadi(['doctor', '--remove', '--json'], { data: controller.data });
  const { removed, kept } = JSON.parse(first.stdout);
  expect(first.code).toBe(1);
  expect(removed.map(({ id }: { id: string }) => id)).toEqual(left.ids.slice(0, 3));
  expect(kept).toMatchObject([
    { kind: 'security_group', id: left.ids[3], reason: expect.stringMatching(/./) },
  ]);
  const second = await runWadi(['doctor', '--remove'], { data: controller.data });
  expect([second.code, of(await leftovers(), left)]).toEqual([0, []]);
}, 60_000);

test('delegations that do not count any more or end soon are told of', async () => {
  const client = new pg.Client(controller.databaseUrl ?? '');
  await client.connect();
  for (const [user, end, dead] of [
    ['ends', "now() + interval '2 days'", 'null'],
    ['lasts', "now() + interval '20 days'", 'null'],
    ['dead', "now() + interval '20 days'", 'now()'],
  ])
    await client.query(
      `insert into delegation (project_id, user_id, user_name, trust_id, roles, expires_at, dead_since)
       values ('default', '${user}', '${user}', '${user}', '[]', ${end}, ${dead})`,
    );
  await client.end();
  const { body } = await controller.request('GET', '/v2/doctor');
  expect(body.doctor.delegations).toEqual([
    expect.objectContaining({ user_id: 'dead', dead_since: expect.any(String) }),
    expect.objectContaining({ user_id: 'ends', dead_since: null }),
  ]);
  const { stdout } = await runWadi(['doctor'], { data: controller.data });
  expect(stdout).toContain('Delegation of dead for project default: does not count since');
});

test('an admin of another project sees nothing of this one', async () => {
  await controller.request('POST', '/v2/projects', { id: 'other' });
  const made = await controller.request('POST', '/v2/tokens', { name: 'x', project: 'other', role: 'admin' });
  const response = await fetch(`${controller.url}/v2/doctor`, {
    headers: { 'X-Auth-Token': made.body.secret },
  });
  expect(await response.json()).toEqual({ doctor: { leftovers: [], delegations: [], unseen: [] } });
});
