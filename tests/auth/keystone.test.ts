import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Keystone, startKeystone } from '../set-up/keystone.ts';
import { type Controller, newDataDirectory, startController } from '../set-up/start-controller.ts';

/** Milliseconds; the machine may be busy with everything else. */
const patience = 600_000;

let keystone: Keystone;
let stopped = false;
let controller: Controller;
const tokens: Record<string, string> = {};

beforeAll(async () => {
  keystone = await startKeystone();
  const data = newDataDirectory();
  const credential = keystone.credentialFile(path.join(data, '..', 'keystone.yaml'));
  const args = ['--sandbox', '--auth', 'keystone', '--keystone-url', keystone.url];
  controller = await startController({ data, args: [...args, '--keystone-credential', credential] });
  for (const name of ['member', 'reader', 'admin', 'stranger', 'nobody'])
    tokens[name] = await keystone.logIn(name);
}, patience);

afterAll(async () => {
  await controller?.stop();
  if (keystone && !stopped) await keystone.stop();
});

async function as(token: string | undefined, method: string, target: string, body?: unknown) {
  const response = await fetch(`${controller.url}${target}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { 'X-Auth-Token': token }),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await response.text();
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of an answer by using it.
  return { status: response.status, headers: response.headers, body: JSON.parse(text || '{}') as any };
}

describe('with Keystone', () => {
  test('nobody comes in without a token of its, and everybody is told where to get one', async () => {
    for (const token of [
      undefined,
      'wrong',
      `${tokens.member}x`,
      controller.token,
      await keystone.logIn('member', false),
    ]) {
      const answer = await as(token, 'GET', '/v2/clusters');
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toBe(`Keystone uri="${keystone.url}"`);
      expect(answer.body.error).toMatchObject({ code: 401, title: 'Unauthorized' });
    }
  });

  test('roles are what Keystone says they are', async () => {
    const template = { name: 'n', plugin_name: 'bare', plugin_version: '1.0', flavor_id: '1' };
    const create = (who: string, name: string) =>
      as(tokens[who], 'POST', '/v2/node-group-templates', {
        ...template,
        name,
        node_processes: ['machine'],
      });
    expect((await create('reader', 'of-reader')).status).toBe(403);
    expect((await create('nobody', 'of-nobody')).status).toBe(403);
    expect((await as(tokens.nobody, 'GET', '/v2/clusters')).status).toBe(403);
    expect((await as(tokens.reader, 'GET', '/v2/clusters')).status).toBe(200);
    const made = await create('member', 'of-member');
    expect([made.status, made.body.node_group_template?.project_id]).toEqual([202, keystone.projects.demo]);
    expect((await create('admin', 'of-admin')).status).toBe(202);
    expect((await as(tokens.member, 'GET', '/v2/tokens')).status).toBe(403);
    expect((await as(tokens.admin, 'GET', '/v2/tokens')).status).toBe(200);
    const labels = { plugin_labels: { hidden: { status: false } } };
    for (const version of ['v1.1', 'v2'])
      expect((await as(tokens.member, 'PATCH', `/${version}/plugins/bare`, labels)).status).toBe(403);
  });

  test('a project sees its own things, and its id in the path must be the one of the token', async () => {
    const { demo, other } = keystone.projects as { demo: string; other: string };
    const group = await as(tokens.member, 'POST', '/v2/node-group-templates', {
      name: 'machines',
      plugin_name: 'bare',
      plugin_version: '1.0',
      flavor_id: '1',
      node_processes: ['machine'],
    });
    const { id } = group.body.node_group_template;
    const target = `/v2/node-group-templates/${id}`;
    expect((await as(tokens.reader, 'GET', target)).status).toBe(200);
    expect((await as(tokens.stranger, 'GET', target)).status).toBe(404);
    const created = await as(tokens.member, 'POST', '/v2/clusters', {
      name: 'kept',
      plugin_name: 'bare',
      plugin_version: '1.0',
      node_groups: [{ name: 'machines', count: 1, node_group_template_id: id }],
    });
    expect(created.status, JSON.stringify(created.body)).toBe(202);
    const cluster = `/v2/clusters/${created.body.cluster.id}`;
    expect((await as(tokens.reader, 'GET', cluster)).status).toBe(200);
    for (const [method, rest, body] of [
      ['GET', ''],
      ['GET', '/instances'],
      ['GET', '/runs'],
      ['POST', '/runs', { command: 'true' }],
      ['GET', '/instances/kept-machines-0/http/80/'],
      ['DELETE', ''],
    ] as const) {
      const answer = await as(tokens.stranger, method, `${cluster}${rest}`, body);
      expect(answer.status, `${method} ${rest}`).toBe(404);
    }
    expect((await as(tokens.stranger, 'GET', '/v2/clusters')).body.clusters).toEqual([]);
    expect((await as(tokens.member, 'GET', `/v2/${demo}/clusters`)).status).toBe(200);
    const mismatch = await as(tokens.member, 'GET', `/v2/${other}/clusters`);
    expect(mismatch.status).toBe(401);
    expect(mismatch.headers.get('www-authenticate')).toContain(keystone.url);
    expect((await as(tokens.member, 'DELETE', cluster)).status).toBe(204);
  });

  test('a token that Keystone revokes ends within a minute', { timeout: 100_000 }, async () => {
    const token = await keystone.logIn('member');
    expect((await as(token, 'GET', '/v2/clusters')).status).toBe(200);
    const headers = { 'X-Auth-Token': token, 'X-Subject-Token': token };
    const revoked = await fetch(`${keystone.url}/auth/tokens`, { method: 'DELETE', headers });
    expect(revoked.status).toBe(204);
    const began = performance.now();
    while ((await as(token, 'GET', '/v2/clusters')).status === 200) await sleep(500);
    expect((await as(token, 'GET', '/v2/clusters')).status).toBe(401);
    expect(performance.now() - began).toBeLessThan(60_000);
  });

  test('nobody new comes in while it does not answer, and that is not called a wrong token', async () => {
    const token = await keystone.logIn('admin');
    await keystone.stop();
    stopped = true;
    const answer = await as(token, 'GET', '/v2/clusters');
    expect(answer.status).toBe(503);
    expect(answer.body).toMatchObject({ error_name: 'KEYSTONE_UNAVAILABLE', retryable: true });
  });
});
