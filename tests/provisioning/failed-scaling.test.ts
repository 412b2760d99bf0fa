import { renameSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Controller, startController } from '../set-up/start-controller.ts';
import { createCluster, door, expectMachines, untilAtRest, worker } from './scaled-cluster.ts';

let controller: Controller;
beforeAll(async () => {
  controller = await startController({ args: ['--sandbox'] });
});
afterAll(async () => {
  await controller?.stop();
});

it('a scaling that fails takes back what it added, keeps the rest, and says why', async () => {
  const cluster = await createCluster(controller, 'undo', [door(1), worker(3)]);
  // The sandbox cannot make machines without a place to note them; machines that there are go on.
  const records = path.join(controller.data, 'sandbox', 'machines');
  const working = () => {
    unlinkSync(records);
    renameSync(`${records}-away`, records);
  };
  renameSync(records, `${records}-away`);
  writeFileSync(records, '');
  const asked = await controller.request('PUT', cluster, {
    resize_node_groups: [{ name: 'door', count: 2 }],
    add_node_groups: [worker(2, 'extra')],
  });
  expect(asked.status).toBe(202);
  // Whether something is left of them the sandbox cannot tell either: nothing is forgotten before it is known to be gone.
  const status = async () => (await controller.request('GET', cluster)).body.cluster.status;
  await expect.poll(status, { timeout: 30_000, interval: 50 }).toBe('Rollback: Spawning');
  working();
  expect((await untilAtRest(controller, cluster)).at(0)).toBe('Rollback: Spawning');
  const now = (await controller.request('GET', `${cluster}?show_progress=true`)).body.cluster;
  expect(now.status_description).toMatch(
    /^Scaling cluster failed for the following reason\(s\): machine undo-.*ENOTDIR.* What it had added was removed again\nError ID: [0-9a-f-]{36}$/s,
  );
  expect(now.node_groups.map(({ name }: { name: string }) => name)).toEqual(['door', 'worker']);
  const kept = ['undo-door-0', 'undo-worker-0', 'undo-worker-1', 'undo-worker-2'];
  await expectMachines(controller, cluster, kept);
  const failed = now.provision_progress.find(({ successful }: { successful: boolean }) => !successful);
  expect(failed).toMatchObject({ step_name: 'Run instances', step_type: 'Engine: scale cluster', total: 3 });
  expect(failed.events.map((event: { successful: boolean }) => event.successful)).toEqual([
    false,
    false,
    false,
  ]);

  // It is a cluster like any other: the same again, now that there is nothing in its way.
  const again = await controller.request('PUT', cluster, {
    resize_node_groups: [{ name: 'worker', count: 2 }],
    add_node_groups: [worker(1, 'extra')],
  });
  expect(again.body).toMatchObject({ cluster: { status: 'Validating', status_description: '' } });
  await untilAtRest(controller, cluster);
  await expectMachines(controller, cluster, ['undo-extra-0', ...kept.slice(0, 3)]);
}, 120_000);
