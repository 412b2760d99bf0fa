import type { SandboxMachine } from '@wadi/api';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runWadi } from '../cli/run-wadi.ts';
import { type Controller, startController } from '../set-up/start-controller.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let wadi: Controller;

beforeAll(async () => {
  wadi = await startController({ args: ['--sandbox'] });
  const group = (fields: object) => ({ flavor_id: '1', ...fields });
  const { body } = await wadi.request('POST', '/v2/clusters', {
    name: 'hand',
    plugin_name: 'bare',
    plugin_version: '1.0',
    node_groups: [
      group({ name: 'gate', count: 1, node_processes: ['proxy'], is_proxy: true }),
      group({ name: 'worker', count: 2, node_processes: ['machine'] }),
    ],
  });
  const { id } = body.cluster;
  const active = async () =>
    (await wadi.request('GET', `/v2/clusters/${id}`)).body.cluster.status === 'Active';
  await vi.waitUntil(active, { timeout: 60_000 });
});
afterAll(() => wadi?.stop());

async function words(line: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return runWadi(line.split(' '), { data: wadi.data });
}

async function machine(name: string): Promise<SandboxMachine> {
  const { machines } = (await wadi.request('GET', '/v2/sandbox/machines')).body;
  return machines.find((each: { name: string }) => each.name === name);
}

async function routeOf(name: string): Promise<string> {
  const { targets } = JSON.parse((await words(`--json run hand -w ${name} -- true`)).stdout);
  return targets[0].route;
}

describe('a machine that is promoted by hand', () => {
  it('serves in place of the proxy, which gets no connection, over a restart too', async () => {
    expect((await machine('hand-worker-0')).port).toBeNull();
    const promoted = await words('proxies promote hand/hand-worker-0 --fence');
    expect(promoted).toMatchObject({ code: 0, stdout: 'hand-worker-0 serves as a proxy\n' });
    expect(await routeOf('hand-worker-1')).toBe('tcp > hand-worker-0 > hand-worker-1');
    const { stdout } = await words('proxies hand');
    expect(stdout).toMatch(/^hand-gate-0 .* fenced/m);
    expect(stdout).toMatch(/^hand-worker-0 +up .* promoted/m);
    await wadi.stop();
    const { data, databaseUrl } = wadi;
    wadi = await startController({ data, database: { url: databaseUrl ?? '' }, args: ['--sandbox'] });
    expect(await routeOf('hand-worker-1')).toBe('tcp > hand-worker-0 > hand-worker-1');
    expect(await machine('hand-gate-0')).toMatchObject({ running: true, connections: 0 });
  });

  it('is a machine like others, without a way in, when it was drained and readmitted', async () => {
    expect(await words('proxies readmit hand/hand-gate-0')).toMatchObject({ code: 0 });
    const drained = await words('proxies drain hand/hand-worker-0');
    expect(drained).toMatchObject({ code: 0, stdout: 'hand-worker-0 is drained\n' });
    expect(await routeOf('hand-worker-0')).toBe('tcp > hand-gate-0 > hand-worker-0');
    expect(await words('proxies readmit hand/hand-worker-0')).toMatchObject({ code: 0 });
    expect((await machine('hand-worker-0')).port).toBeNull();
  });
});

describe('is refused in words', () => {
  it.each([
    [
      'the last proxy',
      'drain hand/hand-gate-0',
      'hand-gate-0 is the only proxy that works',
      'wadi proxies promote',
    ],
    ['a machine that is no proxy', 'drain hand/hand-worker-0', 'hand-worker-0 is no proxy', ''],
    ['a proxy that is one already', 'promote hand/hand-gate-0', 'hand-gate-0 is a proxy already', ''],
    ['a machine that is not there', 'promote hand/hand-worker-9', "no machine 'hand-worker-9'", ''],
  ])('%s', async (_, line, text, hint) => {
    const { code, stderr } = await words(`proxies ${line}`);
    expect(code).not.toBe(0);
    expect(stderr).toContain(text);
    expect(stderr).toContain(hint);
  });

  it('a machine that is switched off', async () => {
    const { instance_id: id } = await machine('hand-worker-1');
    await wadi.request('POST', `/v2/sandbox/machines/${id}/stop`);
    const { code, stderr } = await words('proxies promote hand/hand-worker-1');
    expect([code === 0, stderr]).toEqual([false, expect.stringContaining('hand-worker-1 is switched off')]);
    await wadi.request('POST', `/v2/sandbox/machines/${id}/start`);
  });
});
