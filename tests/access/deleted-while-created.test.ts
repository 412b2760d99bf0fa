import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Answer, type Controller, startController } from '../set-up/start-controller.ts';

vi.setConfig({ testTimeout: 120_000 });

let wadi: Controller;

beforeAll(async () => {
  wadi = await startController({ args: ['--sandbox'] });
});
afterAll(() => wadi?.stop());

async function create(name: string): Promise<string> {
  const group = { flavor_id: '1', node_processes: ['machine'] };
  const answer = await wadi.request('POST', '/v2/clusters', {
    name,
    plugin_name: 'bare',
    plugin_version: '1.0',
    node_groups: [
      { ...group, name: 'proxy', count: 1, is_proxy: true },
      { ...group, name: 'worker', count: 5 },
    ],
  });
  expect(answer.status).toBe(202);
  return answer.body.cluster.id;
}

async function gone(id: string): Promise<Answer> {
  for (let tries = 0; ; tries++) {
    const answer = await wadi.request('GET', `/v2/clusters/${id}`);
    if (answer.status === 404) return answer;
    expect(answer.body.cluster.status).toBe('Deleting');
    expect(tries).toBeLessThan(1000);
    await sleep(50);
  }
}

it('a cluster that is deleted at any moment of its creation leaves no machine and no row', async () => {
  // From before its first step to after its last, which takes about a second.
  const moments = [0, 20, 60, 120, 200, 300, 450, 600, 900, 1500];
  await Promise.all(
    moments.map(async (moment) => {
      const id = await create(`short-${moment}`);
      await sleep(moment);
      expect((await wadi.request('DELETE', `/v2/clusters/${id}`)).status).toBe(204);
      // Twice is once.
      await wadi.request('DELETE', `/v2/clusters/${id}`);
      await gone(id);
      const { events } = (await wadi.request('GET', `/v2/clusters/${id}/events`)).body;
      expect(events.at(-1)).toMatchObject({ type: 'cluster.deleted' });
      expect(events.filter((event: Answer['body']) => event.body.status === 'Error')).toEqual([]);
    }),
  );
  expect((await wadi.request('GET', '/v2/clusters')).body.clusters).toEqual([]);
  expect((await wadi.request('GET', '/v2/sandbox/machines')).body.machines).toEqual([]);
});

it('a cluster that is Active is deleted with its runs, and its name is free again', async () => {
  const id = await create('again');
  for (;;) {
    const { status } = (await wadi.request('GET', `/v2/clusters/${id}`)).body.cluster;
    if (status === 'Active') break;
    expect(status).not.toBe('Error');
    await sleep(50);
  }
  const run = await wadi.request('POST', `/v2/clusters/${id}/runs`, { command: 'sleep 600' });
  expect(run.status).toBe(202);
  await wadi.request('DELETE', `/v2/clusters/${id}`);
  await gone(id);
  const again = await create('again');
  await wadi.request('DELETE', `/v2/clusters/${again}`);
  await gone(again);
});
