import { createHash, generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditLine } from '@wadi/api';
import { WadiClient } from '@wadi/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeKey, startSshd } from '../../packages/indirect-access/src/test-sshd.ts';
import { adoptedGroup, adoptionBody } from '../adopt/adoption-body.ts';
import { type Controller, plantMasterKeys, startController } from '../set-up/start-controller.ts';
import { Contract, type OpenApi, operationsOf } from './document.ts';

let controller: Controller;
let document: OpenApi;
let contract: Contract;
/** Operations that were answered with success. */
const answered = new Set<string>();

beforeAll(async () => {
  controller = await startController({
    args: ['--sandbox', '--allow-network', '127.0.0.0/8', '--agent-listen', '127.0.0.1:0'],
  });
  document = (await controller.request('GET', '/openapi.json')).body;
  contract = new Contract(document);
});
afterAll(async () => {
  await controller?.stop();
});

/** Asks, and holds request and answer against the document; `wanted` is the status. */
async function ask(
  wanted: number,
  method: string,
  target: string,
  body?: unknown,
  token: string | null = controller.token,
  more: Readonly<Record<string, string>> = {},
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of an answer by using it.
): Promise<any> {
  const response = await fetch(`${controller.url}${target}`, {
    method,
    headers: {
      ...(token === null ? {} : { 'X-Auth-Token': token }),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...more,
    },
    body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  const place = contract.find(method, target);
  const mediaType = response.headers.get('content-type')?.split(';', 1)[0] ?? '';
  const what = `${method} ${target}: ${text.slice(0, 300)}`;
  expect([what, response.status]).toEqual([what, wanted]);
  const given = parsed(mediaType, text);
  for (const each of given)
    expect([what, contract.answerProblems(place, response.status, mediaType, each)]).toEqual([what, []]);
  const [first] = given;
  if (typeof body === 'object' && (response.ok || first?.error_name === 'VALIDATION_ERROR'))
    expect([what, contract.requestProblems(place, body).length === 0]).toEqual([what, response.ok]);
  if (response.status < 400) answered.add(place.operation.operationId);
  return mediaType === 'application/x-ndjson' ? given : first;
}

/** Of JSON lines each, of all else the one thing that it is; null: nothing. */
// biome-ignore lint/suspicious/noExplicitAny: as above.
function parsed(mediaType: string, text: string): any[] {
  if (mediaType === 'application/json') return [JSON.parse(text)];
  if (mediaType === 'application/x-ndjson')
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  return [text === '' ? null : text];
}

/** What is done may be looked at with every parameter that is documented. */
async function untilActive(id: string): Promise<void> {
  for (const deadline = performance.now() + 60_000; ; await sleep(50)) {
    const { cluster } = await ask(200, 'GET', `/v2/clusters/${id}?show_progress=true`);
    if (cluster.status === 'Active') return;
    expect([cluster.status, performance.now() < deadline]).toEqual([
      expect.not.stringMatching('Error'),
      true,
    ]);
  }
}

const plugin = { plugin_name: 'bare', plugin_version: '1.0' };
const nobody = '00000000-0000-4000-8000-000000000000';
const listQuery = 'plugin_name=bare&plugin_version=1.0&name=x&limit=1&sort_by=-name';

it('what the document does not say is noticed', () => {
  const place = contract.find('GET', '/healthz');
  const problems = (status: number, body: unknown) =>
    contract.answerProblems(place, status, 'application/json', body).length;
  expect(problems(200, { status: 'ok' })).toBe(0);
  expect(problems(200, { status: 'ok', more: 1 })).toBe(1);
  expect(problems(200, {})).toBe(1);
  expect(problems(418, { status: 'ok' })).toBe(1);
  expect(() => contract.find('PUT', '/healthz')).toThrow('not in the document');
});

it('what surrounds the resources answers as documented', async () => {
  await ask(300, 'GET', '/', undefined, null);
  for (const path of ['/healthz', '/readyz', '/openapi.json']) await ask(200, 'GET', path, undefined, null);
  await ask(200, 'GET', '/healthcheck');
});

it('plugins, images and flavors answer as documented', async () => {
  await ask(200, 'GET', '/v2/plugins');
  await ask(200, 'GET', '/v2/plugins/spark');
  const { plugins } = await ask(200, 'GET', '/v2/plugins');
  for (const { name, versions } of plugins)
    for (const version of versions) await ask(200, 'GET', `/v2/plugins/${name}/${version}`);
  await ask(404, 'GET', '/v2/plugins/nope');
  await ask(202, 'PATCH', '/v2/plugins/bare', { plugin_labels: { hidden: { status: false } } });
  await ask(400, 'PATCH', '/v2/plugins/bare', { plugin_labels: { nope: { status: false } } });

  await ask(200, 'GET', '/v2/flavors');
  await ask(200, 'GET', '/v2/flavors/1');
  await ask(404, 'GET', '/v2/flavors/42');

  const image = '/v2/images/5a4db0c5-0000-4000-8000-000000000001';
  await ask(400, 'GET', image);
  await ask(400, 'POST', image, { username: 5 });
  await ask(202, 'POST', image, { username: 'wadi', description: 'd' });
  await ask(200, 'GET', `${image}/tags`);
  await ask(200, 'PUT', `${image}/tags`, { tags: ['bare', '1.0'] });
  await ask(400, 'PUT', `${image}/tags`, { tags: ['not one'] });
  await ask(200, 'GET', `${image}/tags`);
  await ask(200, 'GET', image);
  await ask(200, 'GET', '/v2/images?name=sandbox&tags=bare&username=wadi');
  await ask(204, 'DELETE', `${image}/tags`);
  await ask(204, 'DELETE', image);
});

it('templates answer as documented', async () => {
  const fields = { ...plugin, flavor_id: '1', node_processes: ['machine'] };
  for (const [kind, root, own] of [
    ['node-group-templates', 'node_group_template', fields],
    [
      'cluster-templates',
      'cluster_template',
      { ...plugin, node_groups: [{ ...gate, is_proxy_gateway: true }] },
    ],
  ] as const) {
    const shares = [{ id: nobody, path: null, access_level: 'ro' }];
    const made = await ask(202, 'POST', `/v2/${kind}`, { name: 'x', ...own, shares });
    await ask(202, 'POST', `/v2/${kind}`, { name: 'y', ...own, description: null });
    await ask(400, 'POST', `/v2/${kind}`, { name: 'x', ...own });
    await ask(400, 'POST', `/v2/${kind}`, { ...own, name: 'not_a_name', nonsense: 1 });
    await ask(200, 'GET', `/v2/${kind}?${listQuery}`);
    await ask(200, 'GET', `/v2/${kind}?limit=1&marker=${made[root].id}`);
    await ask(400, 'GET', `/v2/${kind}?nonsense=1`);
    await ask(400, 'GET', `/v2/${kind}?limit=0`);
    const path = `/v2/${kind}/${made[root].id}`;
    await ask(200, 'GET', path);
    await ask(200, 'GET', `${path}/export`);
    await ask(202, 'PATCH', path, { description: 'd', is_public: true });
    await ask(400, 'PATCH', path, { is_public: 'yes' });
    await ask(204, 'DELETE', path);
    await ask(404, 'GET', path);
  }
});

const gate = { name: 'gate', count: 1, flavor_id: '1', node_processes: ['proxy'] };
const groups = [
  { ...gate, is_proxy: true },
  { name: 'inner', count: 1, flavor_id: '1', node_processes: ['machine'] },
];

it('clusters and their machines answer as documented', async () => {
  const body = { ...plugin, node_groups: groups };
  const { cluster } = await ask(202, 'POST', '/v2/clusters', { name: 'c', ...body });
  const several = await ask(202, 'POST', '/v2/clusters', { name: 'm', count: 2, ...body, node_groups: [] });
  await ask(400, 'POST', '/v2/clusters', { name: 'c', ...body });
  await ask(400, 'POST', '/v2/clusters', { ...body, count: 0, node_groups: [{ name: 'g', count: -1 }] });
  const path = `/v2/clusters/${cluster.id}`;
  await untilActive(cluster.id);
  await ask(202, 'PUT', path, { resize_node_groups: [{ name: 'inner', count: 2 }] });
  await ask(400, 'PUT', path, {});
  await untilActive(cluster.id);
  await ask(202, 'PATCH', path, { description: 'd', shares: [] });
  await ask(400, 'PATCH', path, { verification: { status: 'STOP' } });
  await ask(200, 'GET', `/v2/clusters?${listQuery}`);
  await ask(200, 'GET', '/v2/clusters');
  await ask(404, 'GET', `/v2/clusters/${nobody}`);

  await ask(200, 'GET', `${path}/instances`);
  await ask(404, 'GET', `/v2/clusters/${nobody}/instances`);
  await ask(200, 'GET', `${path}/proxies`);
  await ask(404, 'GET', `/v2/clusters/${nobody}/proxies`);
  const proxy = `${path}/proxies/c-gate-0`;
  await ask(409, 'POST', `${proxy}/drain`);
  await ask(400, 'POST', `${proxy}/drain`, { deadline_seconds: 0 });
  await ask(202, 'POST', `${proxy}/drain`, { deadline_seconds: 60, force: true });
  await ask(200, 'POST', `${proxy}/readmit`);
  await ask(409, 'POST', `${proxy}/promote`);
  const inner = `${path}/proxies/c-inner-0`;
  await ask(409, 'POST', `${inner}/drain`);
  await ask(200, 'POST', `${inner}/promote`, { fence: false });
  await ask(409, 'POST', `${inner}/readmit`);
  await ask(202, 'POST', `${inner}/drain`);
  await ask(200, 'POST', `${inner}/readmit`);
  await ask(404, 'POST', `${path}/proxies/nope/promote`, {});
  await ask(200, 'GET', `${path}/events?after=0&wait=0.5`);
  await ask(400, 'GET', `${path}/events?wait=61`);

  await ask(200, 'GET', `${path}/access`);
  await ask(200, 'PUT', `${path}/access`, {
    ...{ relay: 'direct-tcpip', proxy_policy: 'first', direct_when_faster: true },
    ...{ promotion: 'automatic', promote_after_seconds: 3600, spread: false },
  });
  await ask(400, 'PUT', `${path}/access`, { relay: 'nc' });
  await ask(200, 'PUT', `${path}/access`, {});
  await ask(400, 'PUT', `${path}/access`, { method: 'netns' });
  await ask(201, 'POST', `${path}/instances/c-inner-0/agent`);
  await ask(404, 'POST', `${path}/instances/nope/agent`);
  await ask(400, 'PUT', `${path}/access`, { method: 'pigeon' });
  const { run } = await ask(202, 'POST', `${path}/runs`, { command: ['echo', 'x'], env: { A: 'b' } });
  await ask(400, 'POST', `${path}/runs`, { command: '', targets: ['inner'] });
  await ask(400, 'POST', `${path}/runs`, { command: 'true', targets: ['nope'] });
  await ask(409, 'POST', `${path}/runs`, { id: run.id, command: 'false' });
  await ask(200, 'GET', `${path}/runs/${run.id}?wait=30`);
  await ask(200, 'GET', `${path}/runs?limit=1&marker=${run.id}`);
  await ask(200, 'GET', `${path}/runs`);
  await ask(400, 'GET', `${path}/runs?limit=none`);
  await ask(202, 'POST', `${path}/runs/${run.id}/cancel`);
  const output = `${path}/runs/${run.id}/output`;
  expect(await ask(200, 'GET', `${output}?instance=c-inner-0&stream=stdout&offset=0&wait=1`)).toBe('x\n');
  await ask(400, 'GET', `${output}?instance=c-inner-0&stream=stdin`);
  expect(await ask(200, 'GET', `${path}/instances/c-inner-0/http/8080/`)).toContain('c-inner-0');
  await ask(502, 'GET', `${path}/instances/c-inner-0/http/1`);

  const wanted = {
    path: 'f',
    size: 3,
    sha256: createHash('sha256').update('abc').digest('hex'),
    mode: '600',
  };
  const { upload } = await ask(201, 'POST', `${path}/uploads`, { ...wanted, targets: ['inner'] });
  await ask(409, 'POST', `${path}/uploads`, { ...wanted, id: upload.id });
  await ask(400, 'POST', `${path}/uploads`, { ...wanted, size: -1 });
  await ask(400, 'POST', `${path}/uploads`, { ...wanted, targets: ['nope'] });
  const portion = (status: number, offset: string, text: string, type = 'application/offset+octet-stream') =>
    ask(status, 'PATCH', `${path}/uploads/${upload.id}`, text, controller.token, {
      'Content-Type': type,
      'Upload-Offset': offset,
    });
  expect((await ask(200, 'GET', `${path}/uploads/${upload.id}`)).upload.offset).toBe(0);
  await portion(400, 'x', 'abc');
  await portion(400, '0', 'abc', 'application/json');
  await portion(400, '1', 'abc');
  expect((await portion(409, '1', 'bc')).upload_offset).toBe(0);
  expect((await portion(200, '0', 'ab')).upload.offset).toBe(2);
  expect((await portion(200, '2', 'c')).upload.status).toBe('finished');
  await portion(409, '2', 'c');
  await ask(200, 'DELETE', `${path}/uploads/${upload.id}`);
  await ask(404, 'GET', `${path}/uploads/${nobody}`);
  const file = `${path}/instances/c-inner-0/file`;
  expect(await ask(200, 'GET', `${file}?path=f`)).toBe('abc');
  const part = (status: number, headers: Record<string, string>) =>
    ask(status, 'GET', `${file}?path=f&as_root=false`, undefined, controller.token, headers);
  expect(await part(206, { Range: 'bytes=1-' })).toBe('bc');
  await part(416, { Range: 'bytes=3-' });
  await part(412, { 'If-Match': '"other"' });
  await ask(404, 'GET', `${file}?path=none`);
  await ask(400, 'GET', `${file}?path=.`);
  await ask(400, 'GET', file);
  expect((await ask(200, 'GET', `${file}/digest?path=f`)).file.sha256).toBe(wanted.sha256);
  await ask(404, 'GET', `${file}/digest?path=none`);

  await ask(200, 'GET', `${path}/explain`);
  const machine = `${path}/instances/c-inner-0/explain`;
  expect((await ask(200, 'GET', machine)).verdict.reachable).toBe(null);
  const { explanation } = await ask(200, 'POST', machine);
  expect([explanation.verdict.reachable, explanation.routes.length]).toEqual([true, 1]);
  expect((await ask(200, 'POST', `${path}/explain?step_seconds=30`)).explanation.problems).toEqual([]);
  await ask(400, 'POST', `${path}/explain?step_seconds=61`);
  await ask(400, 'POST', `${path}/instances/nope/explain`);
  await ask(404, 'POST', `/v2/clusters/${nobody}/explain`);

  const { machines } = await ask(200, 'GET', '/v2/sandbox/machines');
  const switched = `/v2/sandbox/machines/${machines.at(-1).instance_id}`;
  await ask(202, 'POST', `${switched}/stop`);
  await ask(202, 'POST', `${switched}/start`);
  await ask(404, 'POST', '/v2/sandbox/machines/nope/start');

  for (const one of several.clusters) await untilActive(one.cluster.id);
  await ask(200, 'DELETE', `/v2/clusters/${several.clusters[0].cluster.id}`, { force: true });
  await ask(204, 'DELETE', path);
}, 120_000);

it('an import answers as documented', async () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const identities = { a: { private_key: privateKey.export({ format: 'pem', type: 'pkcs1' }).toString() } };
  const machine = { name: 'm', address: '127.0.0.1', port: 1, user: 'u', identity: 'a', is_proxy: true };
  const body = { name: 'i', identities, machines: [machine], trust_first_contact: true };
  const { cluster } = await ask(202, 'POST', '/v2/clusters/import', body);
  await ask(400, 'POST', '/v2/clusters/import', { ...body, machines: [{ ...machine, port: 0 }] });
  const pool = `/v2/clusters/${cluster.id}/machines`;
  const spare = { ...machine, name: 'spare', port: 2 };
  await ask(201, 'POST', pool, { identities, machines: [spare], trust_first_contact: true });
  await ask(400, 'POST', pool, { identities, machines: [{ ...spare, port: 0 }] });
  expect((await ask(200, 'GET', pool)).machines).toHaveLength(2);
  await ask(409, 'DELETE', `${pool}/m`);
  await ask(204, 'DELETE', `${pool}/spare`);
  await ask(204, 'DELETE', `/v2/clusters/${cluster.id}`);
});

it('key rotations answer as documented', async () => {
  const key = makeKey();
  // Nobody's authorized_keys are to be written to here: it runs no commands.
  const server = await startSshd('m', key, ['ForceCommand /bin/false']);
  const { user, port } = server.machine();
  const machine = { name: 'm', address: '127.0.0.1', port, user, identity: 'a', is_proxy: true };
  const machines = [{ ...machine, host_keys: [server.hostKey] }];
  const body = { name: 'rotated', identities: { a: { private_key: key.privateKey } }, machines };
  const { cluster } = await ask(202, 'POST', '/v2/clusters/import', body);
  await untilActive(cluster.id);
  const rotations = `/v2/clusters/${cluster.id}/key-rotations`;
  await ask(400, 'POST', rotations, { kind: 'other' });
  await ask(400, 'POST', rotations, { kind: 'management', targets: ['m'] });
  const { key_rotation: begun } = await ask(202, 'POST', rotations, { kind: 'management' });
  for (let status = 'running'; status === 'running'; await sleep(50)) {
    const { key_rotation: now } = await ask(200, 'GET', `${rotations}/${begun.id}`);
    status = now.status;
    if (status !== 'running') expect(now.machines[0].problem.code).toBe('AUTHENTICATION_FAILED');
  }
  await ask(404, 'GET', `${rotations}/${nobody}`);
  expect((await ask(200, 'GET', rotations)).key_rotations).toHaveLength(1);
  await ask(204, 'DELETE', `/v2/clusters/${cluster.id}`);
  await server.stop();
}, 120_000);

it('an adoption answers as documented', async () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = privateKey.export({ format: 'pem', type: 'pkcs1' }).toString();
  const machine = { name: 'old-1', server_id: 's', internal_ip: '127.0.0.1', management_ip: '127.0.0.1' };
  const group = adoptedGroup('worker', 'u', [machine], { is_proxy: true });
  const body = adoptionBody('old', key, [group]);
  await ask(202, 'POST', '/v2/adoptions', body);
  await ask(400, 'POST', '/v2/adoptions', { ...body, node_groups: [{ ...group, instances: null }] });
  await ask(400, 'POST', '/v2/adoptions', { ...body, id: randomUUID(), project_id: 'nobodys' });
  await ask(404, 'GET', `/v2/adoptions/${randomUUID()}`);
  expect((await ask(200, 'GET', '/v2/adoptions')).adoptions).toHaveLength(1);
  // Nobody knows its host key.
  for (const deadline = performance.now() + 60_000; performance.now() < deadline; await sleep(50)) {
    const { adoption } = await ask(200, 'GET', `/v2/adoptions/${body.id}`);
    if (adoption.status === 'Error') break;
  }
  await ask(202, 'POST', '/v2/adoptions', body);
  await ask(204, 'DELETE', `/v2/clusters/${body.id}`);
});

it('tokens, projects and the audit log answer as documented', async () => {
  await ask(201, 'POST', '/v2/projects', { id: 'p' });
  await ask(409, 'POST', '/v2/projects', { id: 'p' });
  await ask(400, 'POST', '/v2/projects', { id: 'P' });
  await ask(200, 'PATCH', '/v2/projects/p', { member_root: true });
  await ask(200, 'GET', '/v2/projects');
  const { token, secret } = await ask(201, 'POST', '/v2/tokens', { name: 't', project: 'p', role: 'reader' });
  await ask(400, 'POST', '/v2/tokens', { name: 't', role: 'king' });
  await ask(404, 'POST', '/v2/tokens', { name: 't', role: 'reader', project: 'nope' });
  await ask(403, 'GET', '/v2/tokens', undefined, secret);
  await ask(200, 'POST', `/v2/tokens/${token.id}/revoke`);
  await ask(200, 'GET', '/v2/tokens');
  for (const none of [secret, null]) await ask(401, 'GET', '/v2/clusters', undefined, none);

  const records = await ask(200, 'GET', '/v2/audit?after=0&limit=2');
  expect(records).toHaveLength(2);
  await ask(400, 'GET', '/v2/audit?limit=1001');
  await ask(200, 'GET', '/v2/audit/verify?project=p');

  await ask(200, 'GET', '/v2/doctor');
  const leftover = { cloud: 'openstack', project_id: 'default', kind: 'server', id: 'none' };
  expect((await ask(200, 'POST', '/v2/doctor/remove', { leftovers: [leftover] })).kept).toHaveLength(1);
  await ask(400, 'POST', '/v2/doctor/remove', { leftovers: [{ ...leftover, kind: 'image' }] });
});

it('master keys answer as documented', async () => {
  const { keys } = await ask(200, 'GET', '/v2/keys');
  await ask(400, 'POST', '/v2/keys/rotate', { replaces: 'nope' });
  await ask(409, 'POST', '/v2/keys/rotate', { replaces: '00000000' });
  await ask(202, 'POST', '/v2/keys/rotate', { replaces: keys[0].id });
  plantMasterKeys(readFileSync(path.join(controller.data, 'master.key'), 'utf8'));
});

it('streams answer as documented', async () => {
  const { clusters } = await ask(200, 'GET', '/v2/clusters?name=streams');
  expect(clusters).toEqual([]);
  const body = { name: 'streams', ...plugin, node_groups: groups };
  const { cluster } = await ask(202, 'POST', '/v2/clusters', body);
  await untilActive(cluster.id);
  const machine = `/v2/clusters/${cluster.id}/instances/streams-inner-0`;
  for (const path of [`${machine}/ports/8080?from=network`, `${machine}/shell?columns=80&rows=24`]) {
    await ask(426, 'GET', path);
    expect(contract.answerProblems(contract.find('GET', path), 101, '', null)).toEqual([]);
  }
  await ask(400, 'GET', `${machine}/ports/0`);
  await ask(400, 'GET', `${machine}/shell?columns=0`);
  await ask(404, 'GET', `/v2/clusters/${nobody}/instances/x/shell`);
  const client = new WadiClient({ url: controller.url, token: controller.token });
  const stream = await client.ports.open(cluster.id, { instance: 'streams-inner-0', port: 8080 });
  stream.end('GET / HTTP/1.0\r\n\r\n');
  expect(await text(stream)).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  answered.add('openPort');
  const ended = async () =>
    (await ask(200, 'GET', '/v2/audit?limit=1000'))
      .map(({ record }: AuditLine) => record)
      .filter(({ access, phase }: AuditLine['record']) => access === 'port' && phase === 'end');
  await expect.poll(ended).toEqual([expect.objectContaining({ complete: true, port: 8080, sent: 18 })]);
  await ask(204, 'DELETE', `/v2/clusters/${cluster.id}`);
});

// The sandbox has no terminals; those of real machines are tested with the command line.
const elsewhere = ['openShell'];

it('every operation was answered, but the other methods of machines’ own web servers', () => {
  const names = operationsOf(document).map(({ operation }) => operation.operationId);
  expect(
    names.filter((name) => !answered.has(name) && !elsewhere.includes(name) && !name.startsWith('http')),
  ).toEqual([]);
});
