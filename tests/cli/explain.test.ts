import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterEvent } from '@wadi/api';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Controller, requests, startController } from '../set-up/start-controller.ts';
import { runWadi } from './run-wadi.ts';

// Many processes one after the other, on a machine that may be busy with everything else.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let controller: Controller;
let path: string;
const words = (line: string, token?: string) =>
  runWadi(line.split(' '), { data: controller.data, ...(token ? { env: { WADI_TOKEN: token } } : {}) });
const power = (state: 'start' | 'stop', machine: string) =>
  controller.request('POST', `/v2/sandbox/machines/${machine}/${state}`);

beforeAll(async () => {
  controller = await startController({ args: ['--sandbox'] });
  const group = { flavor_id: '1', node_processes: ['machine'] };
  const { body } = await controller.request('POST', '/v2/clusters', {
    ...{ name: 'c1', plugin_name: 'bare', plugin_version: '1.0' },
    node_groups: [
      { ...group, name: 'gate', count: 1, node_processes: ['proxy'], is_proxy: true },
      { ...group, name: 'worker', count: 2 },
    ],
  });
  path = `/v2/clusters/${body.cluster.id}`;
  await until(async () => (await controller.request('GET', path)).body.cluster.status === 'Active');
});
afterAll(async () => {
  await controller?.stop();
});

async function until(check: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 60_000; !(await check()); await sleep(50))
    if (Date.now() > end) throw new Error('it did not come to be');
}

/** Changes of verdicts, in order: `name code`. */
async function changes(): Promise<string[]> {
  const { events } = (await controller.request('GET', `${path}/events`)).body;
  return events
    .filter(({ type }: ClusterEvent) => /^instance\.(un)?reachable$/.test(type))
    .map(({ body }: ClusterEvent) => `${body.instance} ${body.code ?? 'reachable'}`);
}

it('a machine that can be reached is shown phase by phase, and is no news', async () => {
  const { code, stdout } = await words('explain c1/worker-0');
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^c1-worker-0 answers in \d+ ms$/m)]);
  expect(stdout).toMatch(/^tcp > c1-gate-0 > c1-worker-0$/m);
  expect(stdout).toMatch(/^ {2}HOP +PHASE +MS$/m);
  for (const phase of ['dial', 'banner', 'key-exchange', 'host-key', 'authentication', 'command'])
    expect(stdout).toMatch(new RegExp(`^  c1-worker-0 +${phase} +[0-9.]+ +ok`, 'm'));
  expect(await changes()).toEqual([]);
});

it('machines that are off are named with their proxy, once for all behind it, and each change is an event', async () => {
  await power('stop', 'c1-worker-1');
  const one = await words('explain c1/worker-1');
  expect(one).toMatchObject({ code: 3, stderr: '' });
  expect(one.stdout).toMatch(/^c1-worker-1 cannot be reached \(power\): .*\[MACHINE_OFF\]\n {2}What to do: /);
  expect(await changes()).toEqual(['c1-worker-1 MACHINE_OFF']);

  await power('stop', 'c1-gate-0');
  const all = await words('explain c1 --json');
  expect(all.code).toBe(3);
  expect(JSON.parse(all.stdout).problems).toMatchObject([
    { code: 'MACHINE_OFF', hop: 'c1-gate-0', phase: 'power', instances: ['c1-gate-0', 'c1-worker-0'] },
    { code: 'MACHINE_OFF', hop: null, phase: 'power', instances: ['c1-worker-1'] },
  ]);
  const shown = await words('explain c1 --last');
  expect(shown.stdout).toMatch(/^c1: 0 of 3 machines can be reached$/m);
  expect(shown.stdout).toMatch(/^ {2}c1-gate-0,c1-worker-0 \(2\) at c1-gate-0: power \[MACHINE_OFF\]$/m);
  expect((await changes()).sort()).toEqual([
    'c1-gate-0 MACHINE_OFF',
    'c1-worker-0 MACHINE_OFF',
    'c1-worker-1 MACHINE_OFF',
  ]);
});

it('what is done on machines anyway tells as well', async () => {
  for (const machine of ['c1-gate-0', 'c1-worker-0']) await power('start', machine);
  expect(await runOn('c1-worker-0')).toBe('succeeded');
  await until(async () => (await changes()).filter((each) => each.endsWith(' reachable')).length === 2);
  await power('stop', 'c1-worker-0');
  expect(await runOn('c1-worker-0')).toBe('unreachable');
  await until(async () => (await changes()).at(-1) === 'c1-worker-0 TARGET_UNREACHABLE');
  for (const machine of ['c1-worker-0', 'c1-worker-1']) await power('start', machine);
  expect(await words('explain c1')).toMatchObject({
    code: 0,
    stdout: 'c1: 3 of 3 machines can be reached\n',
  });
  expect((await changes()).slice(-2).sort()).toEqual(['c1-worker-0 reachable', 'c1-worker-1 reachable']);
});

async function runOn(machine: string): Promise<string> {
  const asked = await controller.request('POST', `${path}/runs`, { command: 'true', targets: [machine] });
  const target = `${path}/runs/${asked.body.run.id}?wait=60`;
  return (await controller.request('GET', target)).body.run.targets[0].status;
}

it('who may only view reads what was found and cannot look', async () => {
  const request = { name: 'viewer', role: 'reader' };
  const { secret } = (await controller.request('POST', '/v2/tokens', request)).body;
  const viewer = requests(controller.url, secret);
  const machine = `${path}/instances/c1-worker-0/explain`;
  expect((await viewer.request('GET', machine)).body.verdict).toMatchObject({ reachable: true });
  for (const target of [machine, `${path}/explain`])
    expect((await viewer.request('POST', target)).status).toBe(403);
  expect(await words('explain c1/worker-0 --last', secret)).toMatchObject({ code: 0 });
});

it.each([
  ['explain c1/worker', 2],
  ['explain c1 --timeout 0', 2],
])('wadi %s ends with %i', async (line, code) => {
  expect(await words(line)).toMatchObject({ code, stdout: '' });
});

it('looking is in the audit log before it begins', async () => {
  const lines = String((await controller.request('GET', '/v2/audit')).body)
    .trim()
    .split('\n');
  const looked = lines.map((line) => JSON.parse(line).record).filter(({ access }) => access === 'explain');
  expect(looked[0]).toMatchObject({ phase: 'begin', instance: 'c1-worker-0', role: 'admin' });
  expect(looked.some(({ instance }) => instance === undefined)).toBe(true);
});
