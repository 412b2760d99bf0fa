import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Cluster } from '../../packages/api/src/index.ts';
import { WadiClient } from '../../packages/client/src/index.ts';
import { type Controller, startController } from '../set-up/start-controller.ts';

vi.setConfig({ testTimeout: 120_000 });

let controller: Controller;
let client: WadiClient;
let cluster: Cluster;
const plugin = { plugin_name: 'bare', plugin_version: '1.0' };

beforeAll(async () => {
  controller = await startController({ args: ['--sandbox'] });
  client = new WadiClient({ url: controller.url, token: controller.token });
  const gate = await client.nodeGroupTemplates.create({
    name: 'gate',
    ...plugin,
    flavor_id: '1',
    node_processes: ['proxy'],
    is_proxy: true,
  });
  const template = await client.clusterTemplates.create({
    name: 'two',
    ...plugin,
    node_groups: [
      { name: 'gate', node_group_template_id: gate.id, count: 1 },
      { name: 'inner', flavor_id: '1', node_processes: ['machine'], count: 1 },
    ],
  });
  const begun = await client.clusters.create({ name: 'c', ...plugin, cluster_template_id: template.id });
  const seen: string[] = [];
  for await (const now of client.clusters.waitFor(begun.id, { interval: 50 })) {
    seen.push(now.status);
    cluster = now;
  }
  expect(seen.at(-1)).toBe('Active');
}, 180_000);

afterAll(async () => {
  await controller?.stop();
});

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all).toString();
}

describe('WadiClient', () => {
  it('works as its documentation shows', async () => {
    const [found] = await client.clusters.list({ name: 'c' });
    if (!found) throw new Error('not there');
    const run = await client.runs.create(found.id, { command: ['uname', '-s'] });
    const { targets } = await client.runs.wait(found.id, run.id);
    expect(targets.map(({ instance_name, status }) => `${instance_name} ${status}`)).toEqual([
      'c-gate-0 succeeded',
      'c-inner-0 succeeded',
    ]);
  });

  it('updates and deletes what it made', async () => {
    const body = { name: 'x', ...plugin, flavor_id: '1', node_processes: ['machine'] };
    const { id } = await client.nodeGroupTemplates.create(body);
    const changed = await client.nodeGroupTemplates.update(id, { description: 'changed', is_proxy: true });
    expect(changed).toMatchObject({ description: 'changed', is_proxy: true, is_proxy_gateway: true });
    await client.nodeGroupTemplates.delete(id);
    await expect(client.nodeGroupTemplates.get(id)).rejects.toMatchObject({
      status: 404,
      errorName: 'NOT_FOUND',
    });
    expect((await client.clusters.update(cluster.id, { description: 'ours' })).description).toBe('ours');
    expect((await client.plugins.getVersion('bare', '1.0')).node_processes).toMatchObject({
      proxy: ['proxy'],
    });
  });

  it('runs a command once however often the same request is sent', async () => {
    const id = randomUUID();
    const request = {
      id,
      command: 'echo run >> /tmp/wadi-count; wc -l < /tmp/wadi-count; rm /tmp/wadi-count',
    };
    const targets = ['c-inner-0'];
    const [first, second] = await Promise.all([
      client.runs.create(cluster.id, { ...request, targets }),
      client.runs.create(cluster.id, { ...request, targets }),
    ]);
    expect([first.id, second.id]).toEqual([id, id]);
    await client.runs.wait(cluster.id, id);
    await client.runs.create(cluster.id, { ...request, targets });
    const output = client.runs.output(cluster.id, id, { instance: 'c-inner-0', stream: 'stdout' });
    expect((await textOf(output)).trim()).toBe('1');
    await expect(client.runs.create(cluster.id, { id, command: 'another', targets })).rejects.toMatchObject({
      status: 409,
      errorName: 'CONFLICT',
    });
    expect((await client.runs.list(cluster.id, { limit: 1 }))[0]?.id).toBe(id);
  });

  it('reads output to its end while it is written, from any offset', async () => {
    const command = 'i=0; while [ $i -lt 5 ]; do echo line $i; i=$((i+1)); sleep 0.2; done';
    const { id } = await client.runs.create(cluster.id, { command, targets: ['c-inner-0'] });
    const source = { instance: 'c-inner-0', stream: 'stdout' } as const;
    const whole = 'line 0\nline 1\nline 2\nline 3\nline 4\n';
    expect(await textOf(client.runs.output(cluster.id, id, source))).toBe(whole);
    expect(await textOf(client.runs.output(cluster.id, id, { ...source, offset: 7 }))).toBe(whole.slice(7));
  });

  it('reads more than a page of output, byte for byte', async () => {
    const command = "yes 'a line of text' | head -c 3000000";
    const { id } = await client.runs.create(cluster.id, { command, targets: ['c-inner-0'] });
    const source = { instance: 'c-inner-0', stream: 'stdout' } as const;
    const text = await textOf(client.runs.output(cluster.id, id, source));
    expect(text.length).toBe(3_000_000);
    expect(text).toBe('a line of text\n'.repeat(200_000));
  });

  it('cancels a run', async () => {
    const { id } = await client.runs.create(cluster.id, { command: 'sleep 1000' });
    await client.runs.cancel(cluster.id, id);
    const run = await client.runs.wait(cluster.id, id);
    expect(run.status).toBe('cancelled');
    expect(run.targets.map((target) => target.status)).toEqual(['cancelled', 'cancelled']);
  });

  it('follows events until it is told to stop', async () => {
    const abort = new AbortController();
    const seen: string[] = [];
    const follow = async () => {
      for await (const event of client.events.follow(cluster.id, { signal: abort.signal })) {
        seen.push(`${event.type} ${event.body.status}`);
        if (seen.at(-1) === 'cluster.status Active') setTimeout(() => abort.abort(), 100);
      }
    };
    await expect(follow()).rejects.toMatchObject({ errorName: 'CANCELLED' });
    expect(seen).toContain('cluster.status Spawning');
  });

  it("fetches a machine's page, and says where the way ends when there is none", async () => {
    const target = { instance: 'c-inner-0', port: 8080, path: '/status.json?x=1' };
    const answer = await client.instances.fetch(cluster.id, target);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ name: 'c-inner-0', came_through: 'c-gate-0' });
    await expect(client.instances.fetch(cluster.id, { ...target, port: 1 })).rejects.toMatchObject({
      status: 502,
      body: expect.objectContaining({ hop: expect.any(String), phase: expect.any(String) }),
    });
  });

  it('is refused with a wrong token, and says so', async () => {
    const stranger = new WadiClient({ url: controller.url, token: 'wadi_wrong' });
    await expect(stranger.clusters.list()).rejects.toMatchObject({ status: 401, errorName: 'UNAUTHORIZED' });
  });

  it('waits until a cluster is gone', async () => {
    const [template] = await client.clusterTemplates.list({ name: 'two' });
    const ids = { cluster_template_id: template?.id ?? null };
    const { id } = await client.clusters.create({ name: 'short', ...plugin, ...ids });
    await client.clusters.delete(id);
    for await (const now of client.clusters.waitFor(id)) expect(now.status).toBe('Deleting');
    await expect(client.clusters.get(id)).rejects.toMatchObject({ status: 404 });
  });
});
