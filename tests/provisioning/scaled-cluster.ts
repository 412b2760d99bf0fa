import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Requests } from '../set-up/start-controller.ts';

export const plugin = { plugin_name: 'bare', plugin_version: '1.0' };
const patience = 90_000;

export const door = (count: number) => ({
  ...{ name: 'door', count, node_processes: ['proxy'], is_proxy: true, flavor_id: '1' },
});
export const worker = (count: number, name = 'worker') => ({
  ...{ name, count, node_processes: ['machine'], flavor_id: '1' },
});

/** Creates one and waits until it is Active; returns its path. */
export async function createCluster(
  controller: Requests,
  name: string,
  node_groups: readonly object[],
): Promise<string> {
  const { body } = await controller.request('POST', '/v2/clusters', { name, ...plugin, node_groups });
  expect(body).toMatchObject({ cluster: { name } });
  const path = `/v2/clusters/${body.cluster.id}`;
  await untilAtRest(controller, path);
  return path;
}

/** The statuses that were seen on the way to Active. */
export async function untilAtRest(controller: Requests, path: string): Promise<string[]> {
  const seen: string[] = [];
  for (const deadline = performance.now() + patience; ; await sleep(20)) {
    const { cluster } = (await controller.request('GET', path)).body;
    if (seen.at(-1) !== cluster.status) seen.push(cluster.status);
    if (cluster.status === 'Active') return seen;
    if (cluster.status === 'Error' || performance.now() > deadline)
      throw new Error(`${seen.join(', ')}: ${cluster.status_description}`);
  }
}

/** Names of the machines that the cluster shows, those that the cloud has, and those that answer to theirs. */
export async function machines(controller: Requests, path: string) {
  const { body } = await controller.request('GET', path);
  const groups: { count: number; instances: { instance_name: string }[] }[] = body.cluster.node_groups;
  for (const { count, instances } of groups) expect(instances).toHaveLength(count);
  const shown = groups.flatMap(({ instances }) => instances.map(({ instance_name }) => instance_name)).sort();
  const { body: sandbox } = await controller.request('GET', '/v2/sandbox/machines');
  const all: { cluster_id: string; name: string }[] = sandbox.machines;
  const made = all.filter(({ cluster_id }) => path.endsWith(cluster_id)).map(({ name }) => name);
  const { body: asked } = await controller.request('POST', `${path}/runs`, { command: 'hostname' });
  const { body: done } = await controller.request('GET', `${path}/runs/${asked.run.id}?wait=60`);
  const targets: { instance_name: string; status: string }[] = done.run.targets;
  const answering = targets
    .filter(({ status }) => status === 'succeeded')
    .map(({ instance_name }) => instance_name);
  return { shown, made: made.sort(), answering: answering.sort() };
}

export async function expectMachines(controller: Requests, path: string, names: readonly string[]) {
  const expected = [...names].sort();
  expect(await machines(controller, path)).toEqual({ shown: expected, made: expected, answering: expected });
}
