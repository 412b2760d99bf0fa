import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, Controller } from '../set-up/start-controller.ts';

/** Milliseconds; the computer may be busy with everything else. */
const patience = 60_000;

/** A cluster of the sandbox: one proxy, and `count` machines that run `process`. Waits until the work is over. */
export async function createCluster(
  wadi: Controller,
  plugin: { name: string; version: string; process: string },
  { name, count, ...more }: { name: string; count: number; [field: string]: unknown },
): Promise<Answer['body']> {
  const answer = await wadi.request('POST', '/v2/clusters', {
    name,
    plugin_name: plugin.name,
    plugin_version: plugin.version,
    node_groups: [
      { name: 'door', count: 1, flavor_id: '1', node_processes: ['proxy'], is_proxy: true },
      { name: 'node', count, flavor_id: '1', node_processes: [plugin.process] },
    ],
    ...more,
  });
  if (answer.status !== 202) return answer.body;
  return settled(wadi, answer.body.cluster.id);
}

export async function settled(wadi: Controller, id: string): Promise<Answer['body']> {
  for (const deadline = performance.now() + patience; performance.now() < deadline; await sleep(100)) {
    const { body } = await wadi.request('GET', `/v2/clusters/${id}?show_progress=true`);
    if (['Active', 'Error'].includes(body.cluster.status)) return body.cluster;
  }
  throw new Error(`cluster ${id} did not settle`);
}

/** Standard output of a command on one machine. */
export async function outputOf(
  wadi: Controller,
  id: string,
  machine: string,
  command: string,
): Promise<string> {
  const path = `/v2/clusters/${id}/runs`;
  const started = await wadi.request('POST', path, { command, targets: [machine] });
  await wadi.request('GET', `${path}/${started.body.run.id}?wait=30`);
  const query = new URLSearchParams({ instance: machine, stream: 'stdout', offset: '0' });
  const page = await fetch(`${wadi.url}${path}/${started.body.run.id}/output?${query}`, {
    headers: { 'X-Auth-Token': wadi.token },
  });
  return page.text();
}
