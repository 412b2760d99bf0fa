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
