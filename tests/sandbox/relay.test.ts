import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Controller, startController } from '../set-up/start-controller.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let wadi: Controller;
let path: string;

beforeAll(async () => {
  wadi = await startController({ args: ['--sandbox'] });
  const { body } = await wadi.request('POST', '/v2/clusters', {
    name: 'inside',
    plugin_name: 'bare',
    plugin_version: '1.0',
    node_groups: [
      { name: 'gate', count: 1, flavor_id: '1', node_processes: ['proxy'], is_proxy: true },
      { name: 'worker', count: 1, flavor_id: '1', node_processes: ['machine'] },
    ],
  });
  path = `/v2/clusters/${body.cluster.id}`;
  const active = async () => (await wadi.request('GET', path)).body.cluster.status === 'Active';
  await vi.waitUntil(active, { timeout: 60_000 });
});
afterAll(() => wadi?.stop());

describe('a machine of the sandbox', () => {
  it('is reached by forwarding alone: a program on it would dial from this computer', async () => {
    const refused = await wadi.request('PUT', `${path}/access`, { relay: 'nc' });
    expect(refused).toMatchObject({ status: 400, body: { fields: ['relay'] } });
    const { access } = (await wadi.request('GET', `${path}/access`)).body;
    expect(access.effective.relay).toBe('direct-tcpip');
    const [worker] = (await wadi.request('GET', `${path}/instances`)).body.instances.slice(-1);
    expect(worker.route.hops.at(-1)).toMatchObject({ machine: 'inside-gate-0', relay: 'direct-tcpip' });
  });
});
