import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { LabController } from '../access/lab-controller.ts';
import {
  clusterBody,
  createCluster,
  registerImages,
  untilGone,
  untilStatus,
} from '../openstack/cloud-clusters.ts';
import { runOnAll } from '../openstack-lab/lab-controller.ts';
import { CloudBed } from '../set-up/openstack/cloud-bed.ts';
import { OwnNamespace } from '../set-up/own-namespace.ts';
import { doubledThings } from './doubled-things.ts';
import { StepWatch } from './step-watch.ts';

vi.setConfig({ testTimeout: 280_000, hookTimeout: 240_000 });

/** Milliseconds that one stays frozen at least; the long form: a minute. */
const frozenFor = Number(process.env.WADI_FROZEN_SECONDS ?? 0) * 1000;
const never = new Promise<never>(() => {});

let bed: CloudBed;
let own: OwnNamespace;
/** In a namespace of its own: all that it says is counted. */
let first: LabController;
let second: LabController;
let watch: StepWatch;
let db: pg.Client;
let bare: object;

beforeAll(async () => {
  bed = await CloudBed.open();
  own = await OwnNamespace.open(bed.lab.inventory.controllerNetns, { doors: [bed.port] });
  bed.leadToCloud(own.argv([]));
  first = await bed.controller({ prefix: own.argv([]) });
  await registerImages(first, bed.cloud);
  second = await bed.peerOf(first);
  const url = first.controller.databaseUrl ?? '';
  watch = await StepWatch.open(url);
  db = new pg.Client(url);
  await db.connect();
  bare = bed.cloud.inventory('demo');
});
afterAll(async () => {
  await db?.end();
  await watch?.close();
  await first?.kill();
  await second?.stop();
  await own?.close();
  await bed?.close();
});

/** As it was started first, when it has ended since. */
async function firstAgain(): Promise<void> {
  const { data, databaseUrl } = first.controller;
  await first.kill();
  first = await bed.controller({ data, database: { url: databaseUrl ?? '' }, prefix: own.argv([]) });
}

/** Begun by the first, which spawns its machines when this returns. */
async function spawning(name: string): Promise<string> {
  const begun = await watch.begun('create');
  const id = await createCluster(first, clusterBody(bed.cloud, name, { machines: 2 }));
  expect(await watch.reach('create', 'spawn instances', begun, never)).toBe(true);
  return id;
}

async function executorOf(id: string): Promise<string> {
  const { rows } = await db.query<{ executor: string }>(
    `select executor_id as executor from dbos.workflow_status where workflow_uuid = $1 and status = 'PENDING'`,
    [`create-${id}`],
  );
  return rows[0]?.executor ?? '';
}

async function isWhole(id: string, name: string): Promise<void> {
  await untilStatus(second, id, 'Active');
  const machines = [`${name}-machine-0`, `${name}-machine-1`, `${name}-proxy-0`];
  expect(await runOnAll(second, id, 'hostname')).toEqual(
    Object.fromEntries(machines.map((one) => [one, one])),
  );
  const inventory = bed.cloud.inventory('demo');
  expect(inventory.servers).toHaveLength(machines.length);
  expect(doubledThings(inventory)).toEqual([]);
}

async function leavesNothing(id: string): Promise<void> {
  await second.request('DELETE', `/v2/clusters/${id}`);
  await untilGone(second, id);
  expect(bed.cloud.inventory('demo')).toEqual(bare);
}

it('one is killed while it makes a cluster: the other takes over within ten seconds and finishes it', async () => {
  const id = await spawning('killed');
  const dead = await executorOf(id);
  const since = performance.now();
  await first.kill();
  while (['', dead].includes(await executorOf(id))) await sleep(20);
  const seconds = (performance.now() - since) / 1000;
  console.log(`taken over after ${seconds.toFixed(1)} s`);
  expect(seconds).toBeLessThan(10);
  await isWhole(id, 'killed');
  await leavesNothing(id);
});

it('one is frozen while it makes a cluster: the other finishes it; when it thaws, it ends without a word to anybody', async () => {
  await firstAgain();
  const id = await spawning('frozen');
  // Its answer is there before it thaws, and the next request would follow at once.
  const hold = new AbortController();
  const asked = bed.cloud.faults.add('GET /network/v2.0/ports', { held: hold.signal }, { obeys: 'late' });
  while (asked.met === 0) await sleep(10);
  first.controller.process.kill('SIGSTOP');
  hold.abort();
  const since = performance.now();
  await isWhole(id, 'frozen');
  await sleep(Math.max(0, frozenFor - (performance.now() - since)));
  // It has been heard, as long as it could speak.
  expect(await own.calls()).toBeGreaterThan(0);
  expect(await own.calls()).toBe(0);
  const ended = once(first.controller.process, 'exit');
  first.controller.process.kill('SIGCONT');
  expect(await ended).toEqual([75, null]);
  expect(await own.calls()).toBe(0);
  await isWhole(id, 'frozen');
  await leavesNothing(id);
});

it('one deletes what the other is still making: it is over only when nothing can come any more', async () => {
  await firstAgain();
  const hold = new AbortController();
  const asked = bed.cloud.faults.add(
    'POST /compute/v2.1/servers',
    { held: hold.signal },
    { times: 3, obeys: 'late' },
  );
  const id = await spawning('deleted');
  while (asked.met === 0) await sleep(10);
  const begun = await watch.begun('delete');
  await second.request('DELETE', `/v2/clusters/${id}`);
  const gone = untilGone(second, id);
  // It would not need as long as that.
  const goesOn = watch.reach('delete', 'close access', begun, gone);
  expect(await Promise.race([goesOn, sleep(3000, 'it waits')])).toBe('it waits');
  hold.abort();
  await gone;
  // From here on nobody could take away what comes.
  await first.kill();
  bed.cloud.faults.clear();
  await bed.cloud.faults.settled();
  expect(bed.cloud.inventory('demo')).toEqual(bare);
});

/** How often the cloud was asked for a server, and obeyed. */
const serversMade = () =>
  bed.cloud.requests.filter(({ method, path, status }) => {
    return method === 'POST' && path === '/compute/v2.1/servers' && status === 202;
  }).length;

/** How often somebody has looked for servers, after the first so many requests. */
function looksFrom(seen: number): () => number {
  return () =>
    bed.cloud.requests
      .slice(seen)
      .filter(({ method, path }) => method === 'GET' && path === '/compute/v2.1/servers/detail').length;
}

/** The first has asked the cloud so many times, and the cloud is at it until `goOn`. */
async function asking(
  name: string,
  request: string,
  times: number,
): Promise<{ id: string; goOn: () => Promise<void> }> {
  await firstAgain();
  const hold = new AbortController();
  const asked = bed.cloud.faults.add(request, { held: hold.signal }, { times, obeys: 'late' });
  const id = await spawning(name);
  while (asked.met < times) await sleep(10);
  return {
    id,
    async goOn() {
      hold.abort();
      await bed.cloud.faults.settled();
    },
  };
}

it('one is killed while the cloud is at what it asked for: the other asks for nothing twice', async () => {
  const before = serversMade();
  const { id, goOn } = await asking('asked', 'POST /compute/v2.1/servers', 3);
  await first.kill();
  const looked = looksFrom(bed.cloud.requests.length);
  while (looked() < 6) await sleep(20);
  await goOn();
  await isWhole(id, 'asked');
  expect(serversMade() - before).toBe(3);
  await leavesNothing(id);
});

// Takes two minutes: as long as nobody knows whether the cloud is still at it.
it.runIf(process.env.WADI_FAULTS === 'all')(
  'one deletes a cluster, and the other is killed while the cloud is at what it asked for: nothing is left',
  async () => {
    const { id, goOn } = await asking('late', 'POST /network/v2.0/security-groups', 1);
    await second.request('DELETE', `/v2/clusters/${id}`);
    const gone = untilGone(second, id);
    const looked = looksFrom(bed.cloud.requests.length);
    await first.kill();
    let isGone = false;
    void gone.then(() => {
      isGone = true;
    });
    // Once for each machine, once for the cluster; and again, because something may still come.
    while (!isGone && looked() < 5) await sleep(20);
    await goOn();
    await gone;
    expect(bed.cloud.inventory('demo')).toEqual(bare);
  },
);
