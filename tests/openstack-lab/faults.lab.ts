import { mkdtempSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OpenStack } from '@wadi/openstack';
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest';
import {
  deletionFaults,
  harmless,
  passingClusters,
  passingFaults,
  refusals,
  stalledServer,
  unanswered,
} from '../openstack/cloud-faults.ts';
import { FaultScene } from '../openstack/fault-scene.ts';
import { FaultProxy } from '../set-up/openstack/fault-proxy.ts';
import { controllerAddress, type LabController, startLabController } from './lab-controller.ts';
import { clientOf, cloudOf, type Furniture, furniture, inventory, labUser } from './project.ts';

/** Milliseconds. */
const stall = 60_000;
const patience = 1_000_000;

let openstack: OpenStack;
let admin: OpenStack;
let given: Furniture;
let before: string[];
let proxy: FaultProxy;
let wadi: LabController;
let scene: FaultScene;

beforeAll(async () => {
  const demo = labUser('demo', 'demo');
  openstack = clientOf(demo);
  admin = clientOf(labUser('admin', 'admin'));
  given = await furniture(openstack);
  before = await inventory(openstack);
  const host = new URL(demo.authUrl).hostname;
  const ports = { identity: 5000, compute: 8774, network: 9696, image: 9292 };
  const services = Object.entries(ports).map(([name, port]) => [name, `http://${host}:${port}`]);
  proxy = await FaultProxy.open(Object.fromEntries(services));
  const file = path.join(mkdtempSync(path.join(inject('runFolder'), 'faults-')), 'clouds.yaml');
  // JSON is YAML.
  const clouds = { lab: cloudOf({ ...labUser('wadi', 'service'), authUrl: proxy.authUrl }) };
  writeFileSync(file, JSON.stringify({ clouds }), { mode: 0o600 });
  wadi = await startLabController(openstack, {
    openstack: { cloud: 'lab', clouds_file: file, controller_networks: [controllerAddress] },
  });
  await wadi.request('POST', `/v2/images/${given.image}`, { username: 'debian' });
  scene = new FaultScene({ wadi, proxy, body: bodyOf, patience });
});
afterAll(async () => {
  await wadi?.stop();
  await proxy?.close();
  await Promise.all([openstack?.close(), admin?.close()]);
});
afterEach(() => scene.clear());

function bodyOf(name: string, machines: number): object {
  const group = { flavor_id: given.flavor, node_processes: ['machine'] };
  return {
    ...{ name, plugin_name: 'bare', plugin_version: '1.0' },
    ...{ default_image_id: given.image, neutron_management_network: given.network },
    node_groups: [
      { ...group, name: 'proxy', count: 1, is_proxy: true },
      ...(machines > 0 ? [{ ...group, name: 'machine', count: machines }] : []),
    ],
  };
}

/** How many of each kind there are that were not there before. */
async function added(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const line of await inventory(openstack)) {
    const kind = before.includes(line) ? undefined : /^[a-z ]+(?= )/.exec(line)?.[0];
    if (kind) counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

test('what passes, or was obeyed although it failed, does no harm, and nothing is made twice', async () => {
  scene.plant(passingFaults({ stall, all: true }));
  const ends = await scene.make(passingClusters, 'lucky');
  expect([...ends.values()]).toEqual(Array(passingClusters).fill(null));
  expect(scene.unmet).toEqual([]);
  const each = passingClusters;
  expect(await added()).toMatchObject({ server: each, 'floating address': each, 'security group': 2 * each });
  scene.plant(deletionFaults({ stall, all: true }));
  await scene.remove(ends.keys());
  expect(scene.unmet).toEqual([]);
  expect(await inventory(openstack)).toEqual(before);
});

test('what is refused, or never answered, is told on the cluster, and deleting it leaves nothing', async () => {
  const faults = [
    ...refusals,
    ...unanswered.filter(([request]) => request.endsWith('/servers')),
    stalledServer(stall),
  ];
  scene.plant([...faults, ...harmless]);
  const ends = await scene.make(faults.length + 1, 'unlucky');
  expect(scene.unmet).toEqual([]);
  const reasons = [...ends.values()].filter((reason) => reason !== null);
  // One fault ends one cluster.
  expect(reasons).toHaveLength(faults.length);
  for (const reason of reasons)
    expect(reason).toMatch(/machine unlucky-\d+-proxy-0: (compute|network): POST \/\S+: /);
  expect(reasons.filter((reason) => reason.includes('409'))).toHaveLength(refusals.length);
  await scene.remove(ends.keys());
  expect(await inventory(openstack)).toEqual(before);
});

test("a quota that Nova's administrator lowers before the third server is told, and what was made can be deleted", async () => {
  const compute = admin.service('compute');
  const project = (await openstack.identity()).project?.id ?? '';
  const path = ['os-quota-sets', project];
  scene.beforeServer(3, async () => {
    // Else Nova counts three that are under way, and refuses any of them.
    while ((await openstack.servers.list()).length < 2) await sleep(500);
    await compute.tell({ method: 'PUT', path, body: { quota_set: { instances: 2, force: true } } });
  });
  try {
    const id = await scene.begin('greedy', 2);
    const why = await scene.endOf(id);
    expect(why).toMatch(/machine greedy-\S+: .*Quota exceeded for instances: Requested 1/);
    expect(await added()).toMatchObject({ server: 2 });
    await scene.remove([id]);
  } finally {
    await compute.tell({ method: 'DELETE', path });
  }
  expect(await inventory(openstack)).toEqual(before);
});
