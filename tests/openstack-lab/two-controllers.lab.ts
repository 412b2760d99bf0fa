import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { OpenStack } from '@wadi/openstack';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { StepWatch } from '../crash/step-watch.ts';
import { OwnNamespace } from '../set-up/own-namespace.ts';
import { newDataDirectory } from '../set-up/start-controller.ts';
import { type LabController, runOnAll, startLabController, until, untilGone } from './lab-controller.ts';
import { clientOf, type Furniture, furniture, inventory, labUser } from './project.ts';

const execute = promisify(execFile);
const controllerNamespace = 'oscontroller';
/** Milliseconds. */
const frozenFor = 60_000;
const never = new Promise<never>(() => {});

let openstack: OpenStack;
let given: Furniture;
let before: string[];
let own: OwnNamespace;
/** In a namespace of its own: all that it says is counted. */
let first: LabController;
let second: LabController;
let watch: StepWatch;
let db: pg.Client;

beforeAll(async () => {
  openstack = clientOf(labUser('demo', 'demo'));
  given = await furniture(openstack);
  before = await inventory(openstack);
  own = await OwnNamespace.open(controllerNamespace, { filtered: true });
  first = await startLabController(openstack, {}, { prefix: own.argv([]) });
  const { data, databaseUrl } = first.controller;
  const copy = newDataDirectory();
  copyFileSync(path.join(data, 'master.key'), path.join(copy, 'master.key'));
  const database = { url: databaseUrl ?? '' };
  second = await startLabController(openstack, {}, { data: copy, database });
  const image = await second.request('POST', `/v2/images/${given.image}`, { username: 'debian' });
  expect(image).toMatchObject({ status: 202 });
  watch = await StepWatch.open(database.url);
  db = new pg.Client(database.url);
  await db.connect();
});
afterAll(async () => {
  await db?.end();
  await watch?.close();
  await first?.kill();
  await second?.stop();
  await own?.close();
  await openstack?.close();
});

/** Of the first, which is alone on its loopback. */
async function createByFirst(name: string): Promise<string> {
  const group = { flavor_id: given.flavor, node_processes: ['machine'] };
  const body = {
    ...{ name, plugin_name: 'bare', plugin_version: '1.0' },
    ...{ default_image_id: given.image, neutron_management_network: given.network },
    node_groups: [
      { ...group, name: 'gate', count: 1, is_proxy: true },
      { ...group, name: 'inner', count: 2 },
    ],
  };
  const [program = '', ...argv] = own.argv(['curl', '-sS', '-m', '60', '--config', '-']);
  const curl = execute(program, argv);
  const lines = [
    `url = "${first.controller.url}/v2/clusters"`,
    `header = "X-Auth-Token: ${first.token}"`,
    'header = "Content-Type: application/json"',
    `data = ${JSON.stringify(JSON.stringify(body))}`,
  ];
  curl.child.stdin?.end(`${lines.join('\n')}\n`);
  const answer = JSON.parse((await curl).stdout);
  expect(answer.cluster, JSON.stringify(answer)).toMatchObject({ name });
  return answer.cluster.id;
}

/** Begun by the first, which spawns its machines when this returns. */
async function spawning(name: string): Promise<string> {
  const begun = await watch.begun('create');
  const id = await createByFirst(name);
  expect(await watch.reach('create', 'spawn instances', begun, never)).toBe(true);
  // Until Nova is at it.
  while ((await openstack.servers.list()).every((server) => !server.name.startsWith(`${name}-`)))
    await sleep(200);
  return id;
}

async function executorOf(id: string): Promise<string> {
  const { rows } = await db.query<{ executor: string }>(
    `select executor_id as executor from dbos.workflow_status where workflow_uuid = $1 and status = 'PENDING'`,
    [`create-${id}`],
  );
  return rows[0]?.executor ?? '';
}

async function takenOver(id: string, from: string): Promise<number> {
  const since = performance.now();
  while (['', from].includes(await executorOf(id))) await sleep(20);
  return (performance.now() - since) / 1000;
}

async function isWhole(id: string, name: string): Promise<void> {
  await until(second, id, 'Active');
  const machines = [`${name}-gate-0`, `${name}-inner-0`, `${name}-inner-1`];
  expect(await runOnAll(second, id, 'hostname')).toEqual(
    Object.fromEntries(machines.map((one) => [one, one])),
  );
  const added = (await inventory(openstack)).filter((line) => !before.includes(line));
  expect(added.filter((line) => line.startsWith('server '))).toHaveLength(machines.length);
  expect(added.filter((line) => line.startsWith('floating address'))).toHaveLength(1);
}

async function leavesNothing(id: string): Promise<void> {
  await second.request('DELETE', `/v2/clusters/${id}`);
  await untilGone(second, id);
  expect(await inventory(openstack)).toEqual(before);
}

test('one is frozen for a minute: the other finishes its cluster meanwhile; when it thaws, it ends without a word', async () => {
  const id = await spawning('frozen');
  const frozen = await executorOf(id);
  first.controller.process.kill('SIGSTOP');
  const since = performance.now();
  console.log(`frozen: taken over after ${(await takenOver(id, frozen)).toFixed(1)} s`);
  await isWhole(id, 'frozen');
  console.log(`frozen: finished after ${((performance.now() - since) / 1000).toFixed(1)} s`);
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

test('one is killed while it makes a cluster: the other takes over within ten seconds and finishes it', async () => {
  const { data, databaseUrl } = first.controller;
  const on = { data, database: { url: databaseUrl ?? '' }, prefix: own.argv([]) };
  first = await startLabController(openstack, {}, on);
  const id = await spawning('killed');
  const dead = await executorOf(id);
  const since = performance.now();
  await first.kill();
  await takenOver(id, dead);
  const seconds = (performance.now() - since) / 1000;
  console.log(`killed: taken over after ${seconds.toFixed(1)} s`);
  expect(seconds).toBeLessThan(10);
  await isWhole(id, 'killed');
  await leavesNothing(id);
});
