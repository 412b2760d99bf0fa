import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Controller, startController } from '../set-up/start-controller.ts';

const patience = 60_000;

let controller: Controller;
beforeAll(async () => {
  controller = await startController({ args: ['--sandbox'] });
});
afterAll(async () => {
  await controller?.stop();
});

it('a cluster goes from its templates to machines to nothing, in the words of the contract', async () => {
  const plugin = { plugin_name: 'bare', plugin_version: '1.0', flavor_id: '1' };
  const group = async (body: object) => {
    const answer = await controller.request('POST', '/v2/node-group-templates', { ...plugin, ...body });
    return answer.body.node_group_template.id as string;
  };
  const node_groups = [
    {
      name: 'gate',
      count: 1,
      node_group_template_id: await group({
        name: 'gate',
        node_processes: ['proxy'],
        is_proxy_gateway: true,
      }),
    },
    {
      name: 'inner',
      count: 2,
      node_group_template_id: await group({ name: 'inner', node_processes: ['machine'] }),
    },
  ];
  const { flavor_id: _, ...fields } = plugin;
  const template = await controller.request('POST', '/v2/cluster-templates', {
    ...fields,
    name: 't',
    node_groups,
  });
  const created = await controller.request('POST', '/v2/default/clusters.json', {
    ...fields,
    name: 'life',
    cluster_template_id: template.body.cluster_template.id,
  });
  expect([created.status, created.body.cluster.status]).toEqual([202, 'Validating']);
  const path = `/v2/clusters/${created.body.cluster.id}`;

  const statuses = await follow(path, (answer) => answer.body.cluster?.status === 'Active');
  const order = [
    'Validating',
    'InfraUpdating',
    'Spawning',
    'Waiting',
    'Preparing',
    'Configuring',
    'Starting',
    'Active',
  ];
  expect(statuses).toEqual(order.filter((status) => statuses.includes(status)));

  const { cluster } = (await controller.request('GET', `${path}?show_progress=True`)).body;
  expect(cluster.management_public_key).toMatch(/^ssh-ed25519 /);
  const [gate, inner] = cluster.node_groups;
  expect(gate.instances).toMatchObject([{ instance_name: 'life-gate-0' }]);
  expect(inner.instances).toMatchObject([
    { instance_name: 'life-inner-0' },
    { instance_name: 'life-inner-1' },
  ]);
  for (const instance of inner.instances) expect(instance.management_ip).toBe(instance.internal_ip);
  expect(cluster.provision_progress.length).toBeGreaterThan(0);
  for (const step of cluster.provision_progress)
    expect(step).toMatchObject({ successful: true, events: [], project_id: 'default' });

  expect((await controller.request('DELETE', path)).status).toBe(204);
  expect((await controller.request('DELETE', path)).status).toBeOneOf([204, 404]);
  await follow(path, (answer) => answer.status === 404);
  expect(
    (await controller.request('DELETE', `/v2/cluster-templates/${template.body.cluster_template.id}`)).status,
  ).toBe(204);
});

/** The statuses that were seen, each once, until it is done. */
async function follow(
  path: string,
  done: (answer: Awaited<ReturnType<Controller['request']>>) => boolean,
): Promise<string[]> {
  const seen: string[] = [];
  for (const deadline = performance.now() + patience; ; await sleep(50)) {
    const answer = await controller.request('GET', path);
    const { status, status_description } = answer.body.cluster ?? {};
    if (status && !seen.includes(status)) seen.push(status);
    if (done(answer)) return seen;
    if (status === 'Error' || performance.now() > deadline)
      throw new Error(`${path}: ${seen.join(', ')}: ${status_description}`);
  }
}
