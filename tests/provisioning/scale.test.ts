import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Controller, startController } from '../set-up/start-controller.ts';
import { createCluster, door, expectMachines, plugin, untilAtRest, worker } from './scaled-cluster.ts';

let controller: Controller;
beforeAll(async () => {
  controller = await startController({ args: ['--sandbox'] });
});
afterAll(async () => {
  await controller?.stop();
});

const scale = (path: string, body: object) => controller.request('PUT', path, body);
const resize = (path: string, name: string, count: number, instances?: string[]) =>
  scale(path, { resize_node_groups: [{ name, count, ...(instances && { instances }) }] });

it('a cluster grows and shrinks, by number and by name, and gets further groups', async () => {
  const path = await createCluster(controller, 'grow', [door(1), worker(2)]);
  const asked = await resize(path, 'worker', 3);
  expect([asked.status, asked.body.cluster?.status]).toEqual([202, 'Validating']);
  const up = await untilAtRest(controller, path);
  const order = ['Validating', 'Scaling', 'Scaling: Spawning', 'Scaling: Waiting', 'Scaling: Preparing'];
  order.push('Configuring', 'Starting', 'Active');
  expect(up).toEqual(order.filter((status) => up.includes(status)));
  await expectMachines(controller, path, ['grow-door-0', 'grow-worker-0', 'grow-worker-1', 'grow-worker-2']);
  const { cluster } = (await controller.request('GET', `${path}?show_progress=true`)).body;
  const steps = cluster.provision_progress.filter(
    (step: { step_type: string }) => step.step_type === 'Engine: scale cluster',
  );
  expect(steps).toMatchObject([
    { step_name: 'Run instances', total: 1, successful: true, events: [] },
    { step_name: 'Wait for instance accessibility', total: 1, successful: true, events: [] },
  ]);

  expect((await resize(path, 'worker', 2, ['grow-worker-0'])).status).toBe(202);
  expect(await untilAtRest(controller, path)).not.toContain('Rollback: Spawning');
  await expectMachines(controller, path, ['grow-door-0', 'grow-worker-1', 'grow-worker-2']);

  // Down and up at once, with a group of its own; a number that went is not given again.
  const mixed = await scale(path, {
    resize_node_groups: [
      { name: 'door', count: 2 },
      { name: 'worker', count: 1 },
    ],
    add_node_groups: [worker(2, 'extra')],
  });
  expect(mixed.body).toMatchObject({ cluster: { status: 'Validating' } });
  await untilAtRest(controller, path);
  const now = ['grow-door-0', 'grow-door-1', 'grow-extra-0', 'grow-extra-1', 'grow-worker-1'];
  await expectMachines(controller, path, now);
  expect((await resize(path, 'worker', 2)).status).toBe(202);
  await untilAtRest(controller, path);
  await expectMachines(controller, path, [...now, 'grow-worker-2']);
}, 120_000);

it('of many that scale a cluster at once exactly one is accepted', async () => {
  const path = await createCluster(controller, 'race', [door(1), worker(1)]);
  const answers = await Promise.all(Array.from({ length: 30 }, () => resize(path, 'worker', 2)));
  expect(answers.map(({ status }) => status).sort()).toEqual([202, ...Array(29).fill(400)]);
  for (const { status, body } of answers)
    if (status === 400)
      expect(body).toMatchObject({
        error_name: 'INVALID_REFERENCE',
        error_message: expect.stringMatching(/^Cluster cannot be scaled not in 'Active' status\. Cluster/),
      });
  await untilAtRest(controller, path);
  await expectMachines(controller, path, ['race-door-0', 'race-worker-0', 'race-worker-1']);
}, 60_000);

it('what cannot be is refused, in the words of the contract, and nothing happens', async () => {
  const path = await createCluster(controller, 'no', [door(1), worker(2)]);
  const id = path.split('/').at(-1);
  const inline = worker(1);
  const cases: [object, string, string][] = [
    [{}, 'VALIDATION_ERROR', '{} is not valid under any of the given schemas'],
    [
      { resize_node_groups: [{ name: 'worker', count: -1 }] },
      'VALIDATION_ERROR',
      'resize_node_groups[0][count]: -1 is less than the minimum of 0',
    ],
    [{ resize_node_groups: [] }, 'VALIDATION_ERROR', 'resize_node_groups: [] is too short'],
    [
      { resize_node_groups: [{ name: 'nope', count: 3 }] },
      'INVALID_REFERENCE',
      "Cluster doesn't contain node group with name 'nope'",
    ],
    [
      {
        resize_node_groups: [
          { name: 'worker', count: 1 },
          { name: 'worker', count: 3 },
        ],
      },
      'INVALID_DATA',
      "Duplicates in node group names are detected: ['worker']",
    ],
    [
      { resize_node_groups: [{ name: 'worker', count: 1, instances: ['a', 'b'] }] },
      'INVALID_DATA',
      'Number of specific instances (2) to delete can not be greater than the count difference (1 during scaling',
    ],
    [
      { resize_node_groups: [{ name: 'worker', count: 0, instances: ['no-worker-0', id] }] },
      'INVALID_DATA',
      'You can only reference instances by Name or UUID, not both on the same request',
    ],
    [
      { resize_node_groups: [{ name: 'worker', count: 1, instances: ['no-door-0'] }] },
      'INVALID_REFERENCE',
      "Node group 'worker' has no instance 'no-door-0'",
    ],
    [
      { add_node_groups: [inline] },
      'INVALID_REFERENCE',
      "Can't add new nodegroup. Cluster already has nodegroup with name 'worker'",
    ],
    [
      { add_node_groups: [{ ...inline, name: 'x', is_proxy: true, is_proxy_gateway: false }] },
      'VALIDATION_ERROR',
      'add_node_groups[0]: is_proxy is true and is_proxy_gateway is false, but they are the same field',
    ],
    // Without machines it would have been taken, and could never have had any.
    [
      { add_node_groups: [{ ...worker(0, 'later'), flavor_id: '42' }] },
      'NOT_FOUND',
      "Requested flavor '42' not found",
    ],
    [
      { resize_node_groups: [{ name: 'door', count: 0 }] },
      'INVALID_DATA',
      "Cluster 'no' would have no proxy ('door'), but its other machines are reached through one",
    ],
    // Between the removal and the addition there would be none.
    [
      {
        resize_node_groups: [{ name: 'door', count: 0 }],
        add_node_groups: [{ ...door(1), name: 'gate' }],
      },
      'INVALID_DATA',
      "Cluster 'no' would have no proxy ('door'), but its other machines are reached through one",
    ],
    [
      { resize_node_groups: [{ name: 'worker', count: 1000 }] },
      'QUOTA_ERROR',
      'Quota exceeded for instance: Requested 998, but available ',
    ],
    [
      { resize_node_groups: [{ name: 'worker', count: 2_147_483_647 }] },
      'INVALID_DATA',
      '2147483645 machines are more than one request may add',
    ],
  ];
  for (const [body, name, text] of cases) {
    const answer = await scale(path, body);
    expect({ body, status: answer.status, name: answer.body.error_name }).toEqual({
      body,
      status: 400,
      name,
    });
    expect(answer.body.error_message.startsWith(text), answer.body.error_message).toBe(true);
  }
  const protect = await controller.request('PATCH', path, { is_protected: true });
  expect(protect.status).toBe(202);
  expect((await resize(path, 'worker', 3)).body).toMatchObject({
    error_name: 'UPDATE_FAILED',
    error_message: expect.stringContaining(
      `ClusterResource with id '${id}' could not be updated because it's marked as protected`,
    ),
  });
  expect((await resize('/v2/clusters/9d37a9d9-caca-4ca4-bb92-cef179294650', 'worker', 3)).status).toBe(404);
  expect((await controller.request('GET', path)).body.cluster.status).toBe('Active');
  await expectMachines(controller, path, ['no-door-0', 'no-worker-0', 'no-worker-1']);
}, 60_000);

it('what a group sets itself outlives a change of its template, in the cluster and in further machines', async () => {
  const { name: _, count: __, ...fields } = worker(0);
  const base = { ...plugin, ...fields, name: 'base', volume_mount_prefix: '/first' };
  const made = await controller.request('POST', '/v2/node-group-templates', base);
  const { id } = made.body.node_group_template;
  const group = { name: 'worker', count: 1, node_group_template_id: id, use_autoconfig: false };
  const template = await controller.request('POST', '/v2/cluster-templates', {
    ...{ ...plugin, name: 'site', node_groups: [door(1), group] },
  });
  const changes = { use_autoconfig: true, volume_mount_prefix: '/second' };
  const changed = await controller.request('PATCH', `/v2/node-group-templates/${id}`, changes);
  expect(changed.status).toBe(202);
  const created = await controller.request('POST', '/v2/clusters', {
    ...{ ...plugin, name: 'keep', cluster_template_id: template.body.cluster_template.id },
  });
  const path = `/v2/clusters/${created.body.cluster.id}`;
  await untilAtRest(controller, path);
  expect((await resize(path, 'worker', 2)).status).toBe(202);
  await untilAtRest(controller, path);
  await expectMachines(controller, path, ['keep-door-0', 'keep-worker-0', 'keep-worker-1']);
  const { cluster } = (await controller.request('GET', path)).body;
  expect(cluster.node_groups[1]).toMatchObject({
    ...{ count: 2, use_autoconfig: false, volume_mount_prefix: '/second' },
  });
}, 60_000);

it('a cluster that is deleted while it grows leaves nothing behind', async () => {
  const path = await createCluster(controller, 'gone', [door(1), worker(1)]);
  expect((await resize(path, 'worker', 12)).status).toBe(202);
  expect((await controller.request('DELETE', path)).status).toBe(204);
  await expect
    .poll(async () => (await controller.request('GET', path)).status, { timeout: 60_000, interval: 50 })
    .toBe(404);
  const { body } = await controller.request('GET', '/v2/sandbox/machines');
  expect(body.machines.filter(({ cluster_id }: { cluster_id: string }) => path.endsWith(cluster_id))).toEqual(
    [],
  );
}, 90_000);
