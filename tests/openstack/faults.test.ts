import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { LabController } from '../access/lab-controller.ts';
import { doubledThings } from '../crash/doubled-things.ts';
import { CloudBed } from '../set-up/openstack/cloud-bed.ts';
import { clusterBody, createCluster, registerImages, untilGone, untilSettled } from './cloud-clusters.ts';
import {
  deletionFaults,
  harmless,
  passingClusters,
  passingFaults,
  refusals,
  unanswered,
} from './cloud-faults.ts';
import { FaultScene } from './fault-scene.ts';

vi.setConfig({ testTimeout: 600_000, hookTimeout: 180_000 });

/** The long form: also what takes two minutes each, because nobody knows whether the cloud is still at it. */
const all = process.env.WADI_FAULTS === 'all';

let bed: CloudBed;
let wadi: LabController;
let scene: FaultScene;
let bare: ReadonlySet<string>;

beforeAll(async () => {
  bed = await CloudBed.open({ faultProxy: true });
  wadi = await bed.controller();
  await registerImages(wadi, bed.cloud);
  const body = (name: string, machines: number) => clusterBody(bed.cloud, name, { machines });
  scene = new FaultScene({ wadi, proxy: bed.proxy, body, patience: all ? 300_000 : 120_000 });
  bare = new Set(Object.values(inventory()).flat());
});
afterAll(async () => {
  await wadi?.stop();
  await bed?.close();
});

afterEach(() => scene.clear());

const inventory = () => bed.cloud.inventory('demo');

/** All that was not there before. */
const left = () =>
  Object.values(inventory())
    .flat()
    .filter((line) => !bare.has(line));

test('what passes, or was obeyed although it failed, does no harm, and nothing is made twice', async () => {
  scene.plant(passingFaults({ stall: 300, all }));
  const ends = await scene.make(passingClusters, 'lucky');
  expect([...ends.values()]).toEqual(Array(5).fill(null));
  expect(scene.unmet).toEqual([]);
  expect(doubledThings(inventory())).toEqual([]);
  expect([inventory().servers?.length, inventory().floating_ips?.length]).toEqual([5, 5]);
  const run = await wadi.run([...ends.keys()][0] ?? '', { command: 'true' });
  expect(run.targets[0]?.status).toBe('succeeded');

  scene.plant(deletionFaults({ stall: 300, all }));
  await scene.remove(ends.keys());
  expect(scene.unmet).toEqual([]);
  expect(left()).toEqual([]);
});

test('what is refused is told on the cluster, and deleting it leaves nothing', async () => {
  const faults = all ? [...refusals, ...unanswered] : refusals;
  scene.plant([...faults, ...harmless]);
  const ends = await scene.make(faults.length + 1, 'unlucky');
  expect(scene.unmet).toEqual([]);
  const reasons = [...ends.values()].filter((reason) => reason !== null);
  // One fault ends one cluster.
  expect(reasons).toHaveLength(faults.length);
  for (const reason of reasons)
    expect(reason).toMatch(/machine unlucky-\d+-proxy-0: (compute|network): POST \/\S+: /);
  expect(reasons.filter((reason) => reason.includes('409'))).toHaveLength(refusals.length);
  expect(doubledThings(inventory())).toEqual([]);
  await scene.remove(ends.keys());
  expect(left()).toEqual([]);
});

test('a quota that is exceeded meanwhile is told, and what was made can be deleted', async () => {
  const { computeQuota } = bed.cloud.settings;
  // Between the question and the machines somebody else took the room.
  scene.beforeServer(3, () => {
    computeQuota.instances = 2;
  });
  const id = await scene.begin('greedy', 2);
  const why = await scene.endOf(id);
  computeQuota.instances = -1;
  expect(why).toMatch(/machine greedy-\S+: .*Quota exceeded for instances: Requested 1/);
  expect(inventory().servers).toHaveLength(2);
  await scene.remove([id]);
  expect(left()).toEqual([]);
});

test('that no host has room is told in the words of Nova', async () => {
  bed.cloud.hooks.schedule = ({ name }) => !name.endsWith('-machine-1');
  const id = await createCluster(wadi, clusterBody(bed.cloud, 'large', { machines: 2 }));
  const { status, status_description: why } = await untilSettled(wadi, id);
  bed.cloud.hooks.schedule = () => true;
  expect([status, why]).toEqual([
    'Error',
    expect.stringMatching(/machine large-machine-1: Nova could not make it: No valid host was found/),
  ]);
  await scene.remove([id]);
  expect(left()).toEqual([]);
});

test('a cluster that is deleted while its machines are built leaves nothing', async () => {
  const isCreation = ({ path, method }: { path: string; method: string }) =>
    method === 'POST' && path.endsWith('/servers');
  const asked = () => bed.cloud.requests.filter(isCreation).length;
  const since = asked();
  bed.cloud.hold();
  const id = await createCluster(wadi, clusterBody(bed.cloud, 'unwanted', { machines: 2 }));
  while (asked() < since + 2) await sleep(20);
  expect((await wadi.request('DELETE', `/v2/clusters/${id}`)).status).toBe(204);
  bed.cloud.release();
  await untilGone(wadi, id);
  expect(left()).toEqual([]);
});
