import type { SandboxMachine } from '@wadi/api';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Controller, startController } from '../set-up/start-controller.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let wadi: Controller;
let path: string;

beforeAll(async () => {
  wadi = await startController({ args: ['--sandbox'] });
  const group = (fields: object) => ({ flavor_id: '1', ...fields });
  const { body } = await wadi.request('POST', '/v2/clusters', {
    name: 'vain',
    plugin_name: 'bare',
    plugin_version: '1.0',
    node_groups: [
      group({ name: 'gate', count: 1, node_processes: ['proxy'], is_proxy: true }),
      group({ name: 'worker', count: 1, node_processes: ['machine'] }),
    ],
  });
  path = `/v2/clusters/${body.cluster.id}`;
  const active = async () => (await wadi.request('GET', path)).body.cluster.status === 'Active';
  await vi.waitUntil(active, { timeout: 60_000 });
});
afterAll(() => wadi?.stop());

async function turn(state: 'start' | 'stop', name: string): Promise<void> {
  const { machines } = (await wadi.request('GET', '/v2/sandbox/machines')).body;
  const found = machines.find((each: SandboxMachine) => each.name === name);
  await wadi.request('POST', `/v2/sandbox/machines/${found.instance_id}/${state}`);
}

async function told(): Promise<{ type: string; body: Record<string, unknown> }[]> {
  const { events } = (await wadi.request('GET', `${path}/events?limit=1000`)).body;
  return events.filter((event: { type: string }) => event.type.startsWith('proxy.'));
}

async function statusOfRun(): Promise<string> {
  const { body } = await wadi.request('POST', `${path}/runs`, { command: 'true', targets: ['worker'] });
  const { run } = (await wadi.request('GET', `${path}/runs/${body.run.id}?wait=30`)).body;
  return run.targets[0].status;
}

it('where no machine can be promoted that is told once, with why, and a proxy that comes back is used', async () => {
  const settings = { promotion: 'automatic', promote_after_seconds: 5 };
  expect((await wadi.request('PUT', `${path}/access`, settings)).status).toBe(200);
  await turn('stop', 'vain-worker-0');
  await turn('stop', 'vain-gate-0');
  await vi.waitUntil(async () => (await told()).length > 0, { timeout: 90_000, interval: 200 });
  expect(await told()).toEqual([
    expect.objectContaining({
      type: 'proxy.none-to-promote',
      body: { problems: [{ instance: 'vain-worker-0', problem: 'vain-worker-0 is switched off' }] },
    }),
  ]);
  await turn('start', 'vain-gate-0');
  await turn('start', 'vain-worker-0');
  await expect.poll(statusOfRun, { timeout: 60_000 }).toBe('succeeded');
  expect(await told()).toHaveLength(1);
});
