import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditLine } from '@wadi/api';
import { WadiClient } from '@wadi/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runWadi } from '../cli/run-wadi.ts';
import { plantSecret } from '../set-up/run-folder.ts';
import { type Controller, startController } from '../set-up/start-controller.ts';

/** Milliseconds; the machine may be busy with everything else. */
const patience = 120_000;

let controller: Controller;
let cluster: string;
const people: Record<string, { token: string; id: string }> = {};

beforeAll(async () => {
  controller = await startController({ args: ['--sandbox', '--allow-network', '127.0.0.0/8'] });
  const plugin = { plugin_name: 'bare', plugin_version: '1.0' };
  const group = async (body: object) => {
    const values = { ...plugin, flavor_id: '1', ...body };
    const answer = await controller.request('POST', '/v2/node-group-templates', values);
    return answer.body.node_group_template.id as string;
  };
  const gate = await group({ name: 'gate', node_processes: ['proxy'], is_proxy: true });
  const inner = await group({ name: 'inner', node_processes: ['machine'] });
  const template = await controller.request('POST', '/v2/cluster-templates', {
    ...plugin,
    name: 'site',
    node_groups: [
      { name: 'gate', count: 1, node_group_template_id: gate },
      { name: 'inner', count: 1, node_group_template_id: inner },
    ],
  });
  const created = await controller.request('POST', '/v2/clusters', {
    ...plugin,
    name: 'site',
    cluster_template_id: template.body.cluster_template.id,
  });
  cluster = `/v2/clusters/${created.body.cluster.id}`;
  for (const end = Date.now() + patience; Date.now() < end; await sleep(100)) {
    const { status } = (await controller.request('GET', cluster)).body.cluster;
    if (status === 'Active') break;
    if (status === 'Error') throw new Error('the cluster could not be made');
  }
  for (const role of ['reader', 'member', 'admin']) {
    const { body } = await controller.request('POST', '/v2/tokens', { name: role, role });
    people[role] = { token: body.secret, id: body.token.id };
    plantSecret(`token of the ${role}`, body.secret);
  }
}, patience);

afterAll(async () => {
  await controller?.request('DELETE', cluster);
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(100))
    if ((await controller.request('GET', cluster)).status === 404) break;
  await controller?.stop();
});

async function as(who: string, method: string, path: string, body?: unknown) {
  const answer = await fetch(`${controller.url}${path}`, {
    method,
    headers: {
      'X-Auth-Token': people[who]?.token ?? '',
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await answer.text();
  const json = answer.headers.get('content-type')?.startsWith('application/json');
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of an answer by using it.
  return { status: answer.status, body: (json ? JSON.parse(text) : text) as any };
}

async function run(who: string, body: object) {
  const { status, body: answer } = await as(who, 'POST', `${cluster}/runs`, body);
  if (status !== 202) return { status, run: undefined };
  return { status, run: (await as(who, 'GET', `${cluster}/runs/${answer.run.id}?wait=30`)).body.run };
}

async function auditLines(): Promise<AuditLine[]> {
  const text = (await as('admin', 'GET', '/v2/audit')).body as string;
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as AuditLine);
}

describe('rights on a real cluster', () => {
  test('a reader sees that something ran, not what, and none of its output or web pages', async () => {
    const { run: done } = await run('member', { command: 'echo visible-$((6*7))', targets: ['inner'] });
    expect(done.status).toBe('finished');
    for (const path of [`${cluster}/runs`, `${cluster}/runs/${done.id}`]) {
      const seen = await as('reader', 'GET', path);
      expect(seen.status).toBe(200);
      expect(JSON.stringify(seen.body)).toContain(done.id);
      expect(JSON.stringify(seen.body)).not.toContain('echo');
    }
    const [{ instance_name: name }] = done.targets;
    const output = `${cluster}/runs/${done.id}/output?stream=stdout&instance=${name}`;
    expect((await as('member', 'GET', output)).body).toBe('visible-42\n');
    for (const [method, path, body] of [
      ['GET', output],
      ['GET', `${cluster}/instances/${name}/http/8080/`],
      ['POST', `${cluster}/runs`, { command: 'true' }],
      ['DELETE', cluster],
    ] as const)
      expect((await as('reader', method, path, body)).status, `${method} ${path}`).toBe(403);
  });

  test('a member is root only where the project grants it', async () => {
    const asRoot = { command: 'true', targets: ['inner'], as_root: true };
    expect((await run('member', asRoot)).status).toBe(403);
    expect((await run('admin', asRoot)).status).toBe(202);
    const change = (member_root: boolean) => as('admin', 'PATCH', '/v2/projects/default', { member_root });
    expect((await change(true)).body.project.member_root).toBe(true);
    expect((await run('member', asRoot)).status).toBe(202);
    await change(false);
    expect((await run('member', asRoot)).status).toBe(403);
  });
});

test('whoever is logged in as root has to have the right to be', async () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
  plantSecret('key of a machine that is not there', key);
  const machine = { address: '127.0.0.1', identity: 'k' };
  const { body } = await as('member', 'POST', '/v2/clusters/import', {
    name: 'as-root',
    identities: { k: { private_key: key } },
    machines: [
      { ...machine, name: 'root-1', port: 1, user: 'root' },
      { ...machine, name: 'plain-1', port: 2, user: 'plain' },
    ],
    trust_first_contact: true,
  });
  const imported = `/v2/clusters/${body.cluster.id}`;
  const users = async () => {
    const { instances } = (await as('member', 'GET', `${imported}/instances`)).body;
    return instances.map((each: { login_user: string | null }) => each.login_user);
  };
  // Until a user is known nobody gets in, so nobody needs a right.
  await expect.poll(users, { timeout: patience }).toEqual(['root', 'plain']);
  const ask = async (who: string, targets: string[]) =>
    await as(who, 'POST', `${imported}/runs`, { command: 'true', targets });
  const refused = await ask('member', ['root-1', 'plain-1']);
  expect(refused).toMatchObject({ status: 403, body: { hint: expect.stringContaining("'root'") } });
  expect((await ask('member', [])).status).toBe(403);
  expect((await ask('member', ['plain-1'])).status).toBe(202);
  const begun = await ask('admin', []);
  expect(begun.status).toBe(202);
  await as('admin', 'GET', `${imported}/runs/${begun.body.run.id}?wait=60`);
  const records = (await auditLines()).filter(({ record }) => record.id === begun.body.run.id);
  // Told as they end, in any order.
  const asRoot = records.map(({ record }) => [record.instance, record.as_root]);
  expect(Object.fromEntries(asRoot)).toEqual({ 'plain-1': false, 'root-1': true });
  expect(asRoot).toHaveLength(2);
  expect((await as('member', 'DELETE', imported)).status).toBe(204);
});

describe('the audit log', () => {
  test('has the begin and the end of every command on every machine', async () => {
    const { run: done } = await run('member', { command: 'PASSWORD=hunter2 true; echo abc; exit 3' });
    const records = (await auditLines()).map((line) => line.record).filter((record) => record.id === done.id);
    expect(records).toHaveLength(4);
    for (const target of done.targets) {
      const [begin, end] = records.filter((record) => record.instance === target.instance_name);
      const same = {
        access: 'run',
        who: 'member',
        role: 'member',
        token_id: people.member?.id,
        source: '127.0.0.1',
        as_root: false,
        route: target.route,
        instance_id: target.instance_id,
      };
      expect(begin).toMatchObject({
        ...same,
        phase: 'begin',
        command: 'PASSWORD=[redacted] true; echo abc; exit 3',
      });
      expect(end).toMatchObject({ ...same, phase: 'end', status: 'failed', exit_status: 3, bytes: 4 });
      expect(String(begin?.at) <= String(end?.at)).toBe(true);
    }
  });

  test('has the begin and the end of every look at a web page, and of those that failed', async () => {
    const instances = (await as('member', 'GET', `${cluster}/instances`)).body.instances;
    const name = instances.find((one: { is_proxy: boolean }) => !one.is_proxy).name;
    const page = await as('member', 'GET', `${cluster}/instances/${name}/http/8080/?key=hunter2`);
    expect(page.status).toBe(200);
    expect((await as('member', 'GET', `${cluster}/instances/${name}/http/1/`)).status).toBe(502);
    const ends = async () => {
      const lines = await auditLines();
      return lines.map((line) => line.record).filter((one) => one.access === 'http' && one.phase === 'end');
    };
    for (let tries = 0; tries < 50 && (await ends()).length < 2; tries += 1) await sleep(50);
    const [good, bad] = await ends();
    expect(good).toMatchObject({
      who: 'member',
      instance: name,
      port: 8080,
      path: '/',
      status: 200,
      complete: true,
    });
    expect(good?.bytes).toBe(page.body.length);
    expect(bad).toMatchObject({ port: 1, status: null, error: expect.any(String) });
    expect(JSON.stringify(await auditLines())).not.toContain('hunter2');
  });

  test('has who cancelled a command of somebody else', async () => {
    const begun = await as('member', 'POST', `${cluster}/runs`, { command: 'sleep 600', targets: ['inner'] });
    const run = `${cluster}/runs/${begun.body.run.id}`;
    for (let tries = 0; tries < 200; tries += 1) {
      if ((await as('member', 'GET', run)).body.run.targets[0].status === 'running') break;
      await sleep(50);
    }
    expect((await as('reader', 'POST', `${run}/cancel`)).status).toBe(403);
    expect((await as('admin', 'POST', `${run}/cancel`)).status).toBe(202);
    expect((await as('member', 'GET', `${run}?wait=30`)).body.run.status).toBe('cancelled');
    // What is over cannot be cancelled once more.
    expect((await as('admin', 'POST', `${run}/cancel`)).status).toBe(202);
    const records = (await auditLines()).filter(({ record }) => record.id === begun.body.run.id);
    expect(records.map(({ record }) => [record.phase, record.who, record.status])).toEqual([
      ['begin', 'member', undefined],
      ['cancel', 'admin', undefined],
      ['end', 'member', 'cancelled'],
    ]);
  });

  test('has the path that the machine was asked for, however the one to it was written', async () => {
    const instances = (await as('member', 'GET', `${cluster}/instances`)).body.instances;
    const name = instances.find((one: { is_proxy: boolean }) => !one.is_proxy).name;
    const before = (await auditLines()).length;
    for (const way of ['%68ttp/8080', 'http/%38080'])
      await as('member', 'GET', `${cluster}/instances/${name}/${way}/secret/http/1/harmless?key=hunter2`);
    const begun = (await auditLines())
      .slice(before)
      .map((line) => line.record)
      .filter((one) => one.phase === 'begin');
    expect(begun.map(({ port, path }) => [port, path])).toEqual([
      [8080, '/secret/http/1/harmless'],
      [8080, '/secret/http/1/harmless'],
    ]);
  });

  test('is exported and verified by the command line', { timeout: patience }, async () => {
    const wadi = (...args: string[]) => runWadi(args, { data: controller.data });
    const { stdout } = await wadi('audit', 'export', '--after', '1');
    const lines = stdout.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).sequence)).toEqual(lines.map((_, index) => index + 2));
    const verified = await wadi('audit', 'verify');
    expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining('intact') });
    const listed = await wadi('token', 'list');
    for (const { id } of Object.values(people)) expect(listed.stdout).toContain(id);
    const made = await wadi('token', 'create', 'ci', '--role', 'reader', '--expires', '1');
    const seen = await runWadi(['cluster', 'list'], {
      env: { WADI_URL: controller.url, WADI_TOKEN: made.stdout.trim() },
    });
    expect(seen).toMatchObject({ code: 0, stdout: expect.stringContaining('site') });
  });
});

describe('a token that is revoked', () => {
  test('takes what it has open with it within a minute', { timeout: 90_000 }, async () => {
    const made = (await as('admin', 'POST', '/v2/tokens', { name: 'short', role: 'member' })).body;
    const headers = { 'X-Auth-Token': made.secret };
    const began = performance.now();
    let last = '0';
    for (;;) {
      const { body } = await as('admin', 'GET', `${cluster}/events?after=${last}`);
      if (body.events.length === 0) break;
      last = body.events.at(-1).sequence;
    }
    const waiting = fetch(`${controller.url}${cluster}/events?after=${last}&wait=60`, { headers });
    const other = fetch(`${controller.url}${cluster}/events?after=${last}&wait=30`, {
      headers: { 'X-Auth-Token': people.member?.token ?? '' },
    });
    const [machine] = (await as('admin', 'GET', `${cluster}/instances`)).body.instances;
    const client = new WadiClient({ url: controller.url, token: made.secret });
    const id = cluster.split('/').at(-1) ?? '';
    const port = await client.ports.open(id, { instance: machine.id, port: 8080 });
    const cut = once(port, 'error');
    await sleep(500);
    await as('admin', 'POST', `/v2/tokens/${made.token.id}/revoke`);
    await expect(waiting).rejects.toThrow();
    expect((await cut)[0]).toMatchObject({ code: 'ECONNRESET' });
    expect(performance.now() - began).toBeLessThan(55_000);
    // Somebody else's stays open to its own end.
    expect((await other).status).toBe(200);
  });
});
