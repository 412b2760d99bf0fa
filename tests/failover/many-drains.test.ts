import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Controller, startController } from '../set-up/start-controller.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let wadi: Controller;
let cluster: string;

beforeAll(async () => {
  wadi = await startController({ args: ['--sandbox'] });
  const answer = await wadi.request('POST', '/v2/clusters', {
    ...{ name: 'many', plugin_name: 'bare', plugin_version: '1.0' },
    node_groups: [
      { name: 'gate', flavor_id: '1', node_processes: ['proxy'], count: 1, is_proxy: true },
      { name: 'inner', flavor_id: '1', node_processes: ['machine'], count: 1 },
    ],
  });
  cluster = `/v2/clusters/${answer.body.cluster.id}`;
  const active = async () => (await wadi.request('GET', cluster)).body.cluster.status === 'Active';
  await vi.waitUntil(active, { timeout: 60_000 });
});
afterAll(() => wadi?.stop());

it('a proxy that many want to drain at once is judged for each: nobody waits for a connection to the database', async () => {
  const drains = Array.from({ length: 60 }, () =>
    wadi.request('POST', `${cluster}/proxies/many-gate-0/drain`, {}),
  );
  const answers = await Promise.all(drains);
  expect(new Set(answers.map(({ status, body }) => `${status} ${body.error_name}`))).toEqual(
    new Set(['409 CONFLICT']),
  );
});
