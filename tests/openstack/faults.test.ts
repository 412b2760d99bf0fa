import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { LabController } from '../access/lab-controller.ts';
import { doubledThings } from '../crash/doubled-things.ts';
import { CloudBed } from '../set-up/openstack/cloud-bed.ts';
import type { Mischief, Obeys } from '../set-up/openstack/faults.ts';
import { clusterBody, createCluster, registerImages, untilGone, untilSettled } from './cloud-clusters.ts';

vi.setConfig({ testTimeout: 280_000, hookTimeout: 180_000 });

/** The long form: also what takes half a minute each, because nobody knows whether the cloud is still at it. */
const all = process.env.WADI_FAULTS === 'all';

const servers = 'POST /compute/v2.1/servers';
const groups = 'POST /network/v2.0/security-groups';
const rules = 'POST /network/v2.0/security-group-rules';
const addresses = 'POST /network/v2.0/floatingips';
const creations = [groups, rules, servers, addresses];

type Fault = readonly [request: string, mischief: Mischief, obeys?: Obeys];

let bed: CloudBed;
let wadi: LabController;
let bare: ReadonlySet<string>;

beforeAll(async () => {
  bed = await CloudBed.open();
  wadi = await bed.controller();
  await registerImages(wadi, bed.cloud);
  bare = new Set(Object.values(inventory()).flat());
});
afterAll(async () => {
  await wadi?.stop();
  await bed?.close();
});

// One test's failure is none of the next one's.
afterEach(async () => {
  bed.cloud.faults.clear();
  const { body } = await wadi.request('GET', '/v2/clusters');
  await removeAll(body.clusters.map(({ id }: { id: string }) => id));
});

const inventory = () => bed.cloud.inventory('demo');

/** All that was not there before. */
const left = () =>
  Object.values(inventory())
    .flat()
    .filter((line) => !bare.has(line));

function plant(faults: readonly Fault[]): void {
  for (const [request, mischief, obeys = 'no'] of faults) bed.cloud.faults.add(request, mischief, { obeys });
}

/** So many clusters of a single machine at once. Returns how each ended: null, or why it could not be made. */
async function make(count: number, name: string): Promise<Map<string, string | null>> {
  const body = (index: number) => clusterBody(bed.cloud, `${name}-${index}`, { machines: 0 });
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) ids.push(await createCluster(wadi, body(index)));
  const ends = ids.map(async (id): Promise<[string, string | null]> => {
    const { status, status_description } = await untilSettled(wadi, id);
    return [id, status === 'Active' ? null : status_description];
  });
  return new Map(await Promise.all(ends));
}

async function removeAll(ids: readonly string[]): Promise<void> {
  for (const id of ids) expect((await wadi.request('DELETE', `/v2/clusters/${id}`)).status).toBe(204);
  for (const id of ids) await untilGone(wadi, id);
}

const unmet = () => bed.cloud.faults.pending.map(({ request, mischief }) => [request, mischief]);

test('what passes, or was obeyed although it failed, does no harm, and nothing is made twice', async () => {
  const passing: Fault[] = creations.flatMap((request): Fault[] => [
    [request, { status: 503, retryAfter: 1 }],
    [request, { status: 401 }],
    [request, { status: 500 }, 'first'],
    [request, { truncated: true }, 'first'],
    [request, { lost: true }, 'first'],
    [request, { lost: true }, 'late'],
    [request, { stall: 300 }, 'first'],
  ]);
  const looks = [
    // The listing too.
    'GET /compute/v2.1/servers/*',
    'GET /network/v2.0/security-groups',
    'GET /network/v2.0/floatingips',
    'GET /network/v2.0/ports',
    'PUT /network/v2.0/security-groups/*/tags',
    'PUT /network/v2.0/floatingips/*/tags',
  ].flatMap((request): Fault[] => [
    [request, { status: 500 }],
    [request, { status: 401 }],
    ...(all
      ? ([
          [request, { status: 503, retryAfter: 1 }],
          [request, { lost: true }],
        ] as const)
      : []),
  ]);
  plant([...passing, ...looks]);
  // Five of the faults of a creation are the end of its asking, and each cluster asks once for each thing.
  const ends = await make(5, 'lucky');
  expect([...ends.values()]).toEqual(Array(5).fill(null));
  expect(unmet()).toEqual([]);
  expect(doubledThings(inventory())).toEqual([]);
  expect([inventory().servers?.length, inventory().floating_ips?.length]).toEqual([5, 5]);
  const run = await wadi.run([...ends.keys()][0] ?? '', { command: 'true' });
  expect(run.targets[0]?.status).toBe('succeeded');

  plant(
    [
      'DELETE /compute/v2.1/servers/*',
      'DELETE /network/v2.0/floatingips/*',
      'DELETE /network/v2.0/security-groups/*',
    ].flatMap((request): Fault[] => [
      [request, { status: 500 }],
      [request, { status: 409 }],
      [request, { truncated: true }, 'first'],
      [request, { lost: true }, 'first'],
      ...(all
        ? ([
            [request, { status: 503, retryAfter: 1 }],
            [request, { lost: true }],
          ] as const)
        : []),
      ...(all
        ? ([
            [request, { status: 401 }],
            [request, { stall: 300 }, 'first'],
          ] as const)
        : []),
    ]),
  );
  await removeAll([...ends.keys()]);
  expect(unmet()).toEqual([]);
  expect(left()).toEqual([]);
});

test('what is refused is told on the cluster, and deleting it leaves nothing', async () => {
  const refused: Fault[] = creations.map((request) => [request, { status: 409 }]);
  const nobodyKnows: Fault[] = [groups, servers, addresses].flatMap((request): Fault[] => [
    [request, { status: 500 }],
    [request, { lost: true }],
    [request, { truncated: true }],
  ]);
  const faults = all ? [...refused, ...nobodyKnows] : refused;
  // Neutron refuses the same rule twice: it can be asked for again, whatever happened.
  plant([...faults, [rules, { status: 500 }], [rules, { lost: true }], [rules, { truncated: true }]]);
  const ends = await make(faults.length + 1, 'unlucky');
  expect(unmet()).toEqual([]);
  const reasons = [...ends.values()].filter((reason) => reason !== null);
  // One fault ends one cluster.
  expect(reasons).toHaveLength(faults.length);
  for (const reason of reasons)
    expect(reason).toMatch(/machine unlucky-\d+-proxy-0: (compute|network): POST \/\S+: /);
  expect(reasons.filter((reason) => reason.includes('409'))).toHaveLength(refused.length);
  expect(doubledThings(inventory())).toEqual([]);
  await removeAll([...ends.keys()]);
  expect(left()).toEqual([]);
});

test('a quota that is exceeded meanwhile is told, and what was made can be deleted', async () => {
  const { computeQuota } = bed.cloud.settings;
  bed.cloud.hold();
  const id = await createCluster(wadi, clusterBody(bed.cloud, 'greedy', { machines: 2 }));
  // Between the question and the machines somebody else took the room.
  computeQuota.instances = 2;
  while (
    bed.cloud.requests.filter(({ path, status }) => path.endsWith('/servers') && status === 403).length === 0
  )
    await sleep(20);
  bed.cloud.release();
  const { status, status_description: why } = await untilSettled(wadi, id);
  computeQuota.instances = -1;
  expect([status, why]).toEqual([
    'Error',
    expect.stringMatching(/machine greedy-\S+: .*Quota exceeded for instances: Requested 1/),
  ]);
  expect(inventory().servers).toHaveLength(2);
  await removeAll([id]);
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
  await removeAll([id]);
  expect(left()).toEqual([]);
});

test('a cluster that is deleted while its machines are built leaves nothing', async () => {
  const asked = () => bed.cloud.requests.filter(({ path, method }) => `${method} ${path}` === servers).length;
  const since = asked();
  bed.cloud.hold();
  const id = await createCluster(wadi, clusterBody(bed.cloud, 'unwanted', { machines: 2 }));
  while (asked() < since + 2) await sleep(20);
  expect((await wadi.request('DELETE', `/v2/clusters/${id}`)).status).toBe(204);
  bed.cloud.release();
  await untilGone(wadi, id);
  expect(left()).toEqual([]);
});
