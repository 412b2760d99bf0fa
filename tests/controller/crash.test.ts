import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Controller, newDataDirectory, startController } from '../set-up/start-controller.ts';

const plugin = { plugin_name: 'bare', plugin_version: '1.0' };
const groups = [
  { name: 'door', count: 1, node_processes: ['proxy'], is_proxy: true, flavor_id: '1' },
  { name: 'worker', count: 3, node_processes: ['machine'], flavor_id: '1' },
];

// Killed later and later, so that it dies in different steps.
test.each([0, 250, 800])(
  'a cluster whose controller is killed %i ms into its creation comes up after the restart, each machine once',
  async (milliseconds) => {
    const data = newDataDirectory();
    const first = await startController({ database: 'own', data, args: ['--sandbox'] });
    const id = await createCluster(first);
    await sleep(milliseconds);
    await first.kill();
    const second = await startController({ database: 'own', data, args: ['--sandbox'] });
    await until(second, id, 'Active');
    const { body } = await second.request('GET', `/v2/clusters/${id}/instances`);
    const names = body.instances.map(({ name }: { name: string }) => name).sort();
    expect(names).toEqual(['crash-door-0', 'crash-worker-0', 'crash-worker-1', 'crash-worker-2']);
    const { body: machines } = await second.request('GET', '/v2/sandbox/machines');
    expect(machines.machines).toHaveLength(4);
    expect(await hostnames(second, id)).toEqual(names);
    await second.stop();
  },
  120_000,
);

test('a cluster is still there after kill -9, and answers', async () => {
  const data = newDataDirectory();
  const first = await startController({ database: 'own', data, args: ['--sandbox'] });
  const id = await createCluster(first);
  await until(first, id, 'Active');
  await first.kill();
  const second = await startController({ database: 'own', data, args: ['--sandbox'] });
  expect((await second.request('GET', `/v2/clusters/${id}`)).body.cluster.status).toBe('Active');
  expect(await hostnames(second, id)).toHaveLength(4);

  // And once more, while it is being deleted.
  expect((await second.request('DELETE', `/v2/clusters/${id}`)).status).toBe(204);
  await second.kill();
  const third = await startController({ database: 'own', data, args: ['--sandbox'] });
  await expect
    .poll(async () => (await third.request('GET', `/v2/clusters/${id}`)).status, {
      timeout: 60_000,
      interval: 200,
    })
    .toBe(404);
  expect((await third.request('GET', '/v2/sandbox/machines')).body.machines).toEqual([]);
  await third.stop();
}, 180_000);

async function createCluster(controller: Controller): Promise<string> {
  const answer = await controller.request('POST', '/v2/clusters', {
    name: 'crash',
    ...plugin,
    node_groups: groups,
  });
  expect(answer.body).toMatchObject({ cluster: { name: 'crash' } });
  return answer.body.cluster.id;
}

async function until(controller: Controller, id: string, status: string): Promise<void> {
  const deadline = performance.now() + 90_000;
  for (;;) {
    const { body } = await controller.request('GET', `/v2/clusters/${id}`);
    if (body.cluster.status === status) return;
    if (body.cluster.status === 'Error' || performance.now() > deadline)
      throw new Error(`${body.cluster.status}: ${body.cluster.status_description}`);
    await sleep(100);
  }
}

/** What `hostname` says on every machine. */
async function hostnames(controller: Controller, id: string): Promise<string[]> {
  const { body } = await controller.request('POST', `/v2/clusters/${id}/runs`, { command: 'hostname' });
  const run = await controller.request('GET', `/v2/clusters/${id}/runs/${body.run.id}?wait=60`);
  expect(run.body.run.targets.map(({ status }: { status: string }) => status)).toEqual(
    run.body.run.targets.map(() => 'succeeded'),
  );
  const names = run.body.run.targets.map(async (target: { instance_name: string }) => {
    const query = `instance=${target.instance_name}&stream=stdout&offset=0`;
    const output = await controller.request('GET', `/v2/clusters/${id}/runs/${body.run.id}/output?${query}`);
    return output.body.trim();
  });
  return (await Promise.all(names)).sort();
}
