import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Answer } from '../access/lab-controller.ts';
import type { StandIn } from '../set-up/openstack/stand-in.ts';

/** Milliseconds; the computer may be busy with everything else. */
const patience = 120_000;

interface Requests {
  request(method: string, target: string, body?: unknown): Promise<Answer>;
}

interface Wanted {
  readonly machines?: number;
  /** Of the image. */
  readonly userData?: 'script' | 'cloud-config';
  /** Further fields of the group that is behind the proxy, and of the cluster. */
  readonly group?: object;
  readonly cluster?: object;
}

/** One proxy, and machines behind it that have no address outside. */
export function clusterBody({ furniture }: StandIn, name: string, wanted: Wanted = {}) {
  const { machines = 1, userData = 'script', group = {}, cluster = {} } = wanted;
  const flavor_id = furniture.flavors['lab.tiny'];
  const one = { count: 1, node_processes: ['proxy'], is_proxy: true, flavor_id };
  const behind = { name: 'machine', count: machines, node_processes: ['machine'], flavor_id, ...group };
  return {
    name,
    plugin_name: 'bare',
    plugin_version: '1.0',
    default_image_id: furniture.images[userData === 'script' ? 'debian-lab' : 'debian'],
    neutron_management_network: furniture.privateNetwork,
    node_groups: [{ name: 'proxy', ...one }, ...(machines > 0 ? [behind] : [])],
    ...cluster,
  };
}

/** Both, with who logs in. */
export async function registerImages(wadi: Requests, { furniture }: StandIn): Promise<void> {
  for (const id of Object.values(furniture.images)) {
    const answer = await wadi.request('POST', `/v2/images/${id}`, { username: 'debian' });
    expect(answer.status, JSON.stringify(answer.body)).toBe(202);
  }
}

export async function createCluster(wadi: Requests, body: object): Promise<string> {
  const answer = await wadi.request('POST', '/v2/clusters', body);
  expect(answer.status, JSON.stringify(answer.body)).toBe(202);
  return answer.body.cluster.id;
}

/** Waits until it is this; any other end is told with its reason. */
export async function untilStatus(wadi: Requests, id: string, status: string): Promise<Answer['body']> {
  const cluster = await untilSettled(wadi, id);
  if (cluster.status === status) return cluster;
  throw new Error(`the cluster is ${cluster.status}, not ${status}: ${cluster.status_description}`);
}

/** Waits until it is Active or in Error. */
export async function untilSettled(wadi: Requests, id: string, limit = patience): Promise<Answer['body']> {
  for (const deadline = performance.now() + limit; ; await sleep(100)) {
    const { body } = await wadi.request('GET', `/v2/clusters/${id}?show_progress=true`);
    if (['Active', 'Error'].includes(body.cluster?.status)) return body.cluster;
    if (performance.now() > deadline) throw new Error(`the cluster does not settle: ${JSON.stringify(body)}`);
  }
}

export async function untilGone(wadi: Requests, id: string, limit = patience): Promise<void> {
  for (const deadline = performance.now() + limit; ; await sleep(100)) {
    const { status, body } = await wadi.request('GET', `/v2/clusters/${id}`);
    if (status === 404) return;
    if (performance.now() > deadline) throw new Error(`the cluster is still there: ${JSON.stringify(body)}`);
  }
}
