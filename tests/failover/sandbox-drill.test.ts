import type { ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runWadi } from '../cli/run-wadi.ts';
import { type Controller, startController } from '../set-up/start-controller.ts';

vi.setConfig({ testTimeout: 300_000 });

let wadi: Controller;
beforeAll(async () => {
  wadi = await startController({ args: ['--sandbox'] });
  await Promise.all([create('two', 2), create('one', 1)]);
});
afterAll(async () => {
  await wadi?.stop();
});

async function create(name: string, proxies: number): Promise<void> {
  const group = (fields: object) => ({ flavor_id: '1', ...fields });
  const answer = await wadi.request('POST', '/v2/clusters', {
    name,
    plugin_name: 'bare',
    plugin_version: '1.0',
    node_groups: [
      group({ name: 'gate', count: proxies, node_processes: ['proxy'], is_proxy: true }),
      group({ name: 'worker', count: 2, node_processes: ['machine'] }),
    ],
  });
  expect(answer.body).toHaveProperty('cluster');
  const { id } = answer.body.cluster;
  const active = async () =>
    (await wadi.request('GET', `/v2/clusters/${id}`)).body.cluster.status === 'Active';
  await vi.waitUntil(active, { timeout: 60_000 });
}

const drill = (cluster: string, options: readonly string[], onStart?: (child: ChildProcess) => void) =>
  runWadi(['--json', 'drill', 'proxy-loss', cluster, ...options], {
    data: wadi.data,
    deadline: 240_000,
    ...(onStart && { onStart }),
  });

async function machines() {
  const { body } = await wadi.request('GET', '/v2/sandbox/machines');
  return body.machines as { name: string; is_proxy: boolean; running: boolean }[];
}

describe('a drill in the sandbox', () => {
  it('switches a proxy off and on again under load and tells what that cost', async () => {
    const words = ['--commands', '20', '--seconds', '1', '--upload', '1MiB'];
    const { stdout, stderr } = await drill('two', words);
    const told = JSON.parse(stdout);
    expect(told, stderr).toMatchObject({ commands: 20, doubled: 0, bytesDoubled: 0 });
    expect(told.faults).toEqual([
      expect.objectContaining({ fault: 'kill', proxy: expect.stringMatching(/^two-gate-/) }),
    ]);
    expect(told.faults[0].inFlight).toBeGreaterThan(0);
    expect([told.faults[0].uploadInFlight, told.upload]).toEqual([true, { bytes: 2 ** 20, intact: true }]);
    expect((await machines()).filter(({ running }) => !running)).toEqual([]);
  });

  it('that is interrupted switches its proxy on again and leaves nothing behind', async () => {
    const interrupted = await drill('two', ['--commands', '10', '--seconds', '600'], (child) => {
      const look = setInterval(async () => {
        const off = (await machines()).some(({ running }) => !running);
        if (!off) return;
        clearInterval(look);
        child.kill('SIGINT');
      }, 200);
      child.once('close', () => clearInterval(look));
    });
    expect(interrupted).toMatchObject({ code: 130, stdout: '' });
    expect((await machines()).filter(({ running }) => !running)).toEqual([]);
    const left = await runWadi(['--json', 'run', 'two', '-w', 'worker', '--', 'ls -a | grep wadi-drill'], {
      data: wadi.data,
    });
    expect(JSON.parse(left.stdout)).toMatchObject({ targets: [{ exit_status: 1 }, { exit_status: 1 }] });
  });
});

describe('is refused in words', () => {
  it.each([
    ['a cluster with one proxy', 'one', [], 'one has one proxy, one-gate-0'],
    ['a fault that the sandbox knows not', 'two', ['--kinds', 'kill,freeze'], 'the sandbox knows no freeze'],
    ['a fault that nobody knows', 'two', ['--kinds', 'fire'], '"fire" is none of'],
    ['arguments for no program', 'two', ['--', '--name', 'x'], 'only the program of --inject'],
    ['a program that is not there', 'two', ['--inject', '/none'], 'cannot start /none'],
  ])('%s', async (_, cluster, options, words) => {
    const { code, stderr } = await drill(cluster, options);
    expect(stderr).toContain(words);
    expect(code).toBe(2);
  });
});
