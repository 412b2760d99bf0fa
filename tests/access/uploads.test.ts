import { createHash, randomBytes } from 'node:crypto';
import { copyFileSync, readdirSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import type { Upload } from '@wadi/api';
import pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Controller, newDataDirectory, startController } from '../set-up/start-controller.ts';

vi.setConfig({ testTimeout: 40_000 });

let controller: Controller;
let cluster: string;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

beforeAll(async () => {
  controller = await startController({ args: ['--sandbox'] });
  const answer = await controller.request('POST', '/v2/clusters', {
    ...{ name: 'c', plugin_name: 'bare', plugin_version: '1.0' },
    node_groups: [
      { name: 'gate', flavor_id: '1', node_processes: ['proxy'], count: 1, is_proxy: true },
      { name: 'inner', flavor_id: '1', node_processes: ['machine'], count: 1 },
    ],
  });
  cluster = `/v2/clusters/${answer.body.cluster.id}`;
  const active = async () => (await controller.request('GET', cluster)).body.cluster.status === 'Active';
  await vi.waitUntil(active, { timeout: 60_000 });
}, 120_000);
afterAll(async () => {
  agent.destroy();
  await controller?.stop();
});

async function begin(content: Buffer, path = 'file'): Promise<Upload> {
  const sha256 = createHash('sha256').update(content).digest('hex');
  const body = { path, size: content.length, sha256, targets: ['inner'] };
  const answer = await controller.request('POST', `${cluster}/uploads`, body);
  expect(answer.status).toBe(201);
  return answer.body.upload;
}

/** All by one connection, one after the other. */
async function ask(method: string, path: string, headers: Record<string, string> = {}, body?: Buffer) {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = { method, agent, headers: { 'X-Auth-Token': controller.token, ...headers } };
    const asked = request(`${controller.url}${path}`, options, resolve).once('error', reject);
    if (body) asked.write(body);
    asked.end();
  });
  return { status: answer.statusCode, body: JSON.parse(await text(answer)), socket: answer.socket };
}

const portion = (offset: number) => ({
  'Upload-Offset': String(offset),
  'Content-Type': 'application/offset+octet-stream',
});

it('a portion of which only the beginning is wanted leaves its connection in order', async () => {
  const { id } = await begin(randomBytes(10));
  const path = `${cluster}/uploads/${id}`;
  const refused = await ask('PATCH', path, portion(0), randomBytes(400_000));
  expect([refused.status, refused.body.error_name]).toEqual([400, 'INVALID_DATA']);
  for (const offset of [1, 2]) {
    const elsewhere = await ask('PATCH', path, portion(offset), randomBytes(8));
    expect(elsewhere.status).toBe(409);
  }
  expect((await ask('GET', path)).status).toBe(200);
});

it('two portions at once: the later one ends the earlier, and the file is whole', async () => {
  const content = randomBytes(3_000_000);
  const { id } = await begin(content, 'twice');
  const path = `${cluster}/uploads/${id}`;
  const slow = request(`${controller.url}${path}`, {
    method: 'PATCH',
    headers: { 'X-Auth-Token': controller.token, ...portion(0) },
  });
  const ended = new Promise((resolve) => {
    slow.once('response', (answer) => resolve(answer.resume().statusCode)).once('error', () => resolve(0));
  });
  slow.write(content.subarray(0, 1_000_000));
  const active = async () => (await ask('GET', path)).body.upload.targets[0].active;
  await vi.waitUntil(active, { timeout: 30_000 });
  const { body } = await ask('PATCH', path, portion(1_000_000), content.subarray(1_000_000));
  const offset = body.upload_offset ?? body.upload.offset;
  slow.write(content.subarray(1_000_000, 1_000_100));
  slow.end();
  expect([0, 499]).toContain(await ended);
  if (offset < content.length) await ask('PATCH', path, portion(offset), content.subarray(offset));
  expect((await ask('GET', path)).body.upload).toMatchObject({ status: 'finished' });
});

it.each([
  ['without an offset', { 'Content-Type': 'application/offset+octet-stream' }, 400],
  ['of another type', { ...portion(0), 'Content-Type': 'application/json' }, 400],
  ['with an offset beyond numbers', { ...portion(0), 'Upload-Offset': '9'.repeat(30) }, 400],
  ['that is larger than a portion may be', { ...portion(0), 'Content-Length': String(2 ** 27) }, 413],
])('a portion %s is refused', async (_, headers, status) => {
  const { id } = await begin(randomBytes(10), 'refused');
  const refused = ask('PATCH', `${cluster}/uploads/${id}`, headers as Record<string, string>);
  expect((await refused).status).toBe(status);
  agent.destroy();
});

it('one that is cancelled by way of another controller takes nothing more, and leaves nothing', async () => {
  const content = randomBytes(2_000_000);
  const { id } = await begin(content, 'elsewhere');
  const copy = newDataDirectory();
  copyFileSync(path.join(controller.data, 'master.key'), path.join(copy, 'master.key'));
  const other = await startController({ data: copy, database: { url: controller.databaseUrl ?? '' } });
  try {
    const headers = { 'X-Auth-Token': controller.token, ...portion(0), 'Content-Length': content.length };
    const slow = request(`${controller.url}${cluster}/uploads/${id}`, { method: 'PATCH', headers });
    const ended = new Promise((resolve) => {
      slow.once('response', (answer) => resolve(answer.statusCode)).once('error', () => resolve(0));
    });
    slow.write(content.subarray(0, 1_000_000));
    const upload = async () => (await controller.request('GET', `${cluster}/uploads/${id}`)).body.upload;
    await vi.waitUntil(async () => (await upload()).targets[0].active, { timeout: 30_000 });
    expect((await other.request('DELETE', `${cluster}/uploads/${id}`)).status).toBe(200);
    expect(await ended).not.toBe(200);
    slow.destroy();
    expect(await upload()).toMatchObject({ status: 'cancelled', targets: [{ active: false }] });
    const file = `${cluster}/instances/c-inner-0/file?path=elsewhere`;
    expect((await controller.request('GET', file)).status).toBe(404);
  } finally {
    await other.stop();
  }
});

it('what is asked for twice under one id is one upload; differently, it is refused', async () => {
  const id = crypto.randomUUID();
  const body = { id, path: 'x', size: 1, sha256: '0'.repeat(64), targets: ['inner'] };
  const post = (more: object) => controller.request('POST', `${cluster}/uploads`, { ...body, ...more });
  expect((await post({})).body.upload.id).toBe(id);
  expect((await post({})).body.upload.id).toBe(id);
  expect((await post({ path: 'y' })).status).toBe(409);
  for (const wrong of [{ path: 'a/' }, { path: 'a\0b' }, { sha256: 'x' }, { mode: '99' }, { size: 1.5 }])
    expect((await post({ ...wrong, id: crypto.randomUUID() })).status).toBe(400);
});

it('as root they take the right root, and what is done is in the audit log', async () => {
  const made = await controller.request('POST', '/v2/tokens', { name: 'm', role: 'member' });
  const member = async (method: string, target: string, body?: object) => {
    const headers = { 'X-Auth-Token': made.body.secret, 'Content-Type': 'application/json' };
    const init = { method, headers, body: body ? JSON.stringify(body) : null };
    return (await fetch(`${controller.url}${target}`, init)).status;
  };
  const upload = { path: 'as-root', size: 1, sha256: '0'.repeat(64), targets: ['inner'] };
  expect(await member('POST', `${cluster}/uploads`, { ...upload, as_root: true })).toBe(403);
  expect(await member('POST', `${cluster}/uploads`, upload)).toBe(201);
  const file = `${cluster}/instances/c-inner-0/file?path=twice`;
  expect(await member('GET', `${file}&as_root=true`)).toBe(403);
  expect(await member('GET', file)).toBe(200);
  const rooted = await controller.request('POST', `${cluster}/uploads`, { ...upload, as_root: true });
  const portions = { 'X-Auth-Token': made.body.secret, ...portion(0) };
  expect(
    (await ask('PATCH', `${cluster}/uploads/${rooted.body.upload.id}`, portions, randomBytes(1))).status,
  ).toBe(403);
  const audit = async () => {
    const answer = await fetch(`${controller.url}/v2/audit`, {
      headers: { 'X-Auth-Token': controller.token },
    });
    return (await answer.text()).split('\n').filter((line) => line.includes('"who":"m"'));
  };
  await vi.waitUntil(async () => (await audit()).some((line) => line.includes('"phase":"end"')));
  const records = (await audit()).map((line) => JSON.parse(line).record);
  expect(records).toContainEqual(
    expect.objectContaining({ access: 'upload', phase: 'begin', path: 'as-root', instance: 'c-inner-0' }),
  );
  for (const phase of ['begin', 'end'])
    expect(records).toContainEqual(expect.objectContaining({ access: 'file', phase, path: 'twice' }));
});

it('what nobody goes on with for a day is given up, and nothing of it stays on the machine', async () => {
  const content = randomBytes(1000);
  const { id } = await begin(content, 'abandoned');
  const path = `${cluster}/uploads/${id}`;
  expect((await ask('PATCH', path, portion(0), content.subarray(0, 10))).body.upload.offset).toBe(10);
  const { data, databaseUrl } = controller;
  agent.destroy();
  await controller.stop();
  const client = new pg.Client({ connectionString: databaseUrl ?? '' });
  await client.connect();
  await client.query("update upload set touched_at = now() - interval '25 hours' where id = $1", [id]);
  await client.end();
  controller = await startController({ args: ['--sandbox'], data, database: { url: databaseUrl ?? '' } });
  const status = async () => (await controller.request('GET', path)).body.upload.status;
  await vi.waitUntil(async () => (await status()) === 'cancelled', { timeout: 30_000 });
  const kept = () =>
    readdirSync(`${data}/sandbox`, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes(id));
  await vi.waitUntil(() => kept().length === 0, { timeout: 30_000 });
});
