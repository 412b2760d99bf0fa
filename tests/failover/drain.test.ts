import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProxyHealth, Run } from '@wadi/api';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { importOf, LabController } from '../access/lab-controller.ts';
import { type Lab, labUp } from '../set-up/lab.ts';
import { countingCommand, endCounting, expectCountedOnce } from './counting-run.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const machines = 6;

let lab: Lab;
let wadi: LabController;
let cluster: string;
let pages: ChildProcess;

beforeAll(async () => {
  lab = await labUp({ machines, proxies: 2 });
  wadi = await LabController.start(lab, { args: ['--verify-every', '0'] });
  cluster = (await wadi.import(importOf(lab, 'drained'))).id;
  pages = await servePages('machine-1');
});
afterAll(async () => {
  pages?.kill('SIGKILL');
  await wadi?.stop();
  await lab?.down();
});

/** A page that says more whenever it is asked to, and ends when it is asked to. */
async function servePages(machine: string): Promise<ChildProcess> {
  const script = `let open; require('node:http').createServer((request, response) => {
    if (request.url === '/long') return void (open = response).write('first\\n');
    if (request.url === '/more') open.write('more\\n');
    if (request.url === '/last') open.end('last\\n');
    response.end('ok');
  }).listen(9090, () => console.log('listening'))`;
  const [program = '', ...argv] = lab.machineArgv(machine, [process.execPath, '-e', script]);
  const child = spawn(program, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

const url = (rest: string) => `/v2/clusters/${cluster}/${rest}`;
const page = (path: string, machine = 'machine-1', port = 9090) =>
  wadi.fetch(url(`instances/${machine}/http/${port}${path}`));

async function proxy(name: string): Promise<ProxyHealth> {
  const { body } = await wadi.request('GET', url('proxies'));
  return body.proxies.find((each: ProxyHealth) => each.name === name);
}

async function begin(mark: string): Promise<string> {
  const request = { id: randomUUID(), command: countingCommand(mark), targets: ['machines'] };
  const { body } = await wadi.request('POST', url('runs'), request);
  return body.run.id;
}

async function targets(run: string): Promise<Run['targets']> {
  return (await wadi.request('GET', url(`runs/${run}`))).body.run.targets;
}

/** Every machine has said more than it had at `before`. */
async function untilMoreOutput(run: string, before: ReadonlyMap<string, number>): Promise<void> {
  const said = async () =>
    (await targets(run)).every((each) => each.stdout_bytes > (before.get(each.instance_name) ?? 0));
  await vi.waitUntil(said, { timeout: 60_000, interval: 100 });
}

/** How the proxies lead to the machines now. */
async function routes(): Promise<string[]> {
  const run = await wadi.run(cluster, { command: 'true', targets: ['machines'] });
  expect(new Set(run.targets.map(({ status }) => status))).toEqual(new Set(['succeeded']));
  return run.targets.map(({ route }) => route ?? '');
}

describe('a proxy that is drained under load', () => {
  it('loses nothing: runs go on elsewhere, pages come to their end, and then nothing is open to it', async () => {
    const mark = randomUUID();
    const run = await begin(mark);
    await untilMoreOutput(run, new Map());
    const long = await page('/long');
    const body = long.body?.getReader();
    const text = async () => Buffer.from((await body?.read())?.value ?? []).toString();
    expect(await text()).toBe('first\n');
    // The run's machine stays with the proxy by which it is connected, and so does its page.
    const begun = await targets(run);
    const through = begun.find((each) => each.instance_name === 'machine-1')?.route?.split(' > ')[1] ?? '';
    const other = through === 'proxy-1' ? 'proxy-2' : 'proxy-1';

    const statuses: number[] = [];
    let loading = true;
    const load = (async () => {
      for (let n = 0; loading; n++) {
        const answer = await page('/', `machine-${1 + (n % machines)}`, lab.inventory.httpPort);
        statuses.push(answer.status, (await answer.text()).length > 0 ? 200 : 0);
      }
    })();
    load.catch(() => {});
    const drained = await wadi.request('POST', url(`proxies/${through}/drain`), { deadline_seconds: 3600 });
    expect(drained).toMatchObject({ status: 202, body: { proxy: { name: through, duty: 'drained' } } });
    // New work goes elsewhere at once.
    for (const route of await routes()) expect(route).toContain(`tcp > ${other} > `);
    const before = new Map((await targets(run)).map((each) => [each.instance_name, each.stdout_bytes]));
    await untilMoreOutput(run, before);
    // All that is left is the page.
    await vi.waitUntil(async () => (await proxy(through)).channels === 1, { timeout: 60_000, interval: 100 });
    await page('/more');
    expect(await text()).toBe('more\n');
    await page('/last');
    expect(await text()).toBe('last\n');
    expect((await body?.read())?.done).toBe(true);
    await vi.waitUntil(async () => (await lab.sshConnections(through)) === 0, { timeout: 60_000 });
    expect(await proxy(through)).toMatchObject({ channels: 0, connections: 0, machines: 0 });

    const accepted = await lab.acceptedConnections(through);
    loading = false;
    await load;
    await endCounting(wadi, cluster, mark);
    const ended = await wadi.ended(cluster, run);
    for (const target of ended.targets) expect(target.route).toContain(`tcp > ${other} > `);
    await expectCountedOnce(wadi, cluster, mark, ended);
    expect(new Set(statuses)).toEqual(new Set([200]));
    // Whoever looks after proxies leaves this one alone.
    await sleep(3_000);
    expect(await lab.acceptedConnections(through)).toBe(accepted);
  });

  it('serves again when it is readmitted, and both tell of it', async () => {
    const { body } = await wadi.request('GET', url('proxies'));
    const { name } = body.proxies.find((each: ProxyHealth) => each.duty === 'drained');
    const answer = await wadi.request('POST', url(`proxies/${name}/readmit`));
    expect(answer).toMatchObject({ status: 200, body: { proxy: { name, duty: null } } });
    const other = body.proxies.find((each: ProxyHealth) => each.duty === null).name;
    await wadi.request('POST', url(`proxies/${other}/drain`));
    for (const route of await routes()) expect(route).toContain(`tcp > ${name} > `);
    await wadi.request('POST', url(`proxies/${other}/readmit`));
    const { events } = (await wadi.request('GET', url('events?limit=1000'))).body;
    const told = events.map((event: { type: string }) => event.type);
    for (const type of ['proxy.drained', 'proxy.readmitted']) expect(told).toContain(type);
    for (const action of ['proxy.drain', 'proxy.readmit'])
      expect(
        await wadi.audited((record) => record.action === action && record.instance === name),
      ).toHaveLength(1);
  });
});

describe('the last proxy', () => {
  it('is drained only by force, and then what runs stays until the deadline', async () => {
    await wadi.request('POST', url('proxies/proxy-1/drain'));
    const refused = await wadi.request('POST', url('proxies/proxy-2/drain'));
    expect(refused).toMatchObject({ status: 409, body: { error_name: 'CONFLICT' } });
    expect(refused.body.hint).toContain('--force');
    const mark = randomUUID();
    const run = await begin(mark);
    await untilMoreOutput(run, new Map());
    const forced = await wadi.request('POST', url('proxies/proxy-2/drain'), { force: true });
    expect(forced.status).toBe(202);
    const before = new Map((await targets(run)).map((each) => [each.instance_name, each.stdout_bytes]));
    await untilMoreOutput(run, before);
    const nothing = await wadi.run(cluster, { command: 'true', targets: ['machine-2'] });
    expect(nothing.targets[0]).toMatchObject({ status: 'unreachable', error: { code: 'NO_ROUTE' } });
    await wadi.request('POST', url('proxies/proxy-2/drain'), { force: true, deadline_seconds: 1 });
    await vi.waitUntil(async () => (await lab.sshConnections('proxy-2')) === 0, { timeout: 60_000 });
    expect((await targets(run)).map(({ status }) => status)).toEqual(Array(machines).fill('running'));
    await wadi.request('POST', url('proxies/proxy-1/readmit'));
    await wadi.run(cluster, { command: `touch /tmp/go-${mark}`, targets: ['machines'] });
    const ended = await wadi.ended(cluster, run);
    expect(new Set(ended.targets.map(({ status }) => status))).toEqual(new Set(['succeeded']));
  });
});
