import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Answer, LabController } from '../access/lab-controller.ts';
import { CloudBed } from '../set-up/openstack/cloud-bed.ts';
import type { StandIn } from '../set-up/openstack/stand-in.ts';
import { plantSecret } from '../set-up/run-folder.ts';
import { newDataDirectory } from '../set-up/start-controller.ts';
import { clusterBody, createCluster, registerImages, untilGone, untilStatus } from './cloud-clusters.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 180_000 });

const users = [
  { name: 'demo', roles: { demo: ['member', 'reader'] } },
  { name: 'second', roles: { demo: ['member', 'reader'] } },
  { name: 'looker', roles: { demo: ['reader'] } },
  { name: 'other', roles: { other: ['member', 'reader'] } },
  { name: 'wadi', roles: { services: ['member', 'service'] } },
  { name: 'boss', roles: { demo: ['admin'] } },
  { name: 'operator', roles: { services: ['admin'] } },
];

let bed: CloudBed;
let wadi: LabController;
let demo: Caller;
let other: Caller;

interface Caller {
  request(method: string, target: string, body?: unknown): Promise<Answer>;
}

beforeAll(async () => {
  const config = (cloud: StandIn) => ({ keystone_operators_project: cloud.projectId('services') });
  bed = await CloudBed.open({ users, credential: ['wadi', 'services'], config });
  const data = newDataDirectory();
  const file = path.join(data, '..', 'keystone.json');
  const credential = { username: 'wadi', password: bed.cloud.user('wadi').password, project: 'services' };
  writeFileSync(file, JSON.stringify(credential), { mode: 0o600 });
  const keystone = ['--keystone-url', bed.cloud.authUrl, '--keystone-credential', file];
  wadi = await bed.controller({ data, args: ['--auth', 'keystone', ...keystone] });
});
afterAll(async () => {
  await wadi?.stop();
  await bed?.close();
});

const trusts = (project = 'demo') => bed.cloud.inventory(project).trusts ?? [];

/** Logs in at Keystone; returns who asks Wadi with that token. */
async function logIn(name: string, project: string): Promise<Caller> {
  const domain = { name: 'Default' };
  const user = { name, domain, password: bed.cloud.user(name).password };
  const identity = { methods: ['password'], password: { user } };
  const answer = await fetch(`${bed.cloud.authUrl}/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ auth: { identity, scope: { project: { name: project, domain } } } }),
  });
  const token = answer.headers.get('x-subject-token') ?? '';
  expect(answer.status, await answer.text()).toBe(201);
  plantSecret(`token of ${name} in the OpenStack stand-in`, token);
  return {
    async request(method, target, body) {
      const headers = {
        'X-Auth-Token': token,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      };
      const text = body === undefined ? null : JSON.stringify(body);
      const response = await wadi.fetch(target, { method, headers, body: text });
      const said = await response.text();
      const isJson = response.headers.get('content-type')?.includes('json') && said !== '';
      return { status: response.status, body: isJson ? JSON.parse(said) : said };
    },
  };
}

/** A project's own network with a way out; the body is that of a cluster on it. */
async function ownNetwork(): Promise<object> {
  const client = bed.cloud.client('other', 'other');
  const { id } = await client.networks.create({ name: 'theirs' });
  const subnet = await client.subnets.create({ network_id: id, cidr: '10.77.12.0/24', ip_version: 4 });
  const outside = { network_id: bed.cloud.furniture.externalNetwork };
  const router = await client.routers.create({ name: 'theirs', external_gateway_info: outside });
  await client.routers.addInterface(router.id, subnet.id);
  return { cluster: { neutron_management_network: id } };
}

test("a member's first request lets the controller act, and a reader's does not", async () => {
  const looker = await logIn('looker', 'demo');
  expect((await looker.request('GET', '/v2/clusters')).status).toBe(200);
  expect(trusts()).toEqual([]);
  const body = clusterBody(bed.cloud, 'never', { machines: 0 });
  const refused = await looker.request('POST', '/v2/clusters', body);
  expect([refused.status, trusts()]).toEqual([403, []]);
  demo = await logIn('demo', 'demo');
  // Those that come at once are one.
  await Promise.all(Array.from({ length: 5 }, () => demo.request('GET', '/v2/clusters')));
  expect(trusts()).toHaveLength(1);
  await (await logIn('demo', 'demo')).request('GET', '/v2/clusters');
  expect(trusts()).toHaveLength(1);
});

test('each project has clusters of its own, which no other sees', async () => {
  other = await logIn('other', 'other');
  const theirs = await ownNetwork();
  const before = [bed.cloud.inventory('other'), bed.cloud.inventory('services')] as const;
  await registerImages(demo, bed.cloud);
  await registerImages(other, bed.cloud);
  const [mine, another] = await Promise.all([
    createCluster(demo, clusterBody(bed.cloud, 'same', { machines: 1 })),
    createCluster(other, clusterBody(bed.cloud, 'same', { machines: 0, ...theirs })),
  ]);
  await Promise.all([untilStatus(demo, mine, 'Active'), untilStatus(other, another, 'Active')]);
  const servers = (project: string) =>
    bed.cloud
      .inventory(project)
      .servers?.map((line) => line.split(' ')[1])
      .sort();
  expect(['demo', 'other', 'services'].map(servers)).toEqual([
    ['same-machine-0', 'same-proxy-0'],
    ['same-proxy-0'],
    [],
  ]);
  expect((await demo.request('GET', '/v2/clusters')).body.clusters).toMatchObject([{ id: mine }]);
  expect((await other.request('GET', '/v2/clusters')).body.clusters).toMatchObject([{ id: another }]);
  for (const [method, rest] of [
    ['GET', ''],
    ['GET', '/instances'],
    ['POST', '/runs'],
    ['DELETE', ''],
  ] as const) {
    const body = method === 'POST' ? { command: 'true' } : undefined;
    expect((await other.request(method, `/v2/clusters/${mine}${rest}`, body)).status).toBe(404);
  }
  const run = await demo.request('POST', `/v2/clusters/${mine}/runs`, { command: 'true' });
  const { body } = await demo.request('GET', `/v2/clusters/${mine}/runs/${run.body.run.id}?wait=60`);
  expect(body.run.targets.map(({ status }: { status: string }) => status)).toEqual([
    'succeeded',
    'succeeded',
  ]);
  expect((await other.request('DELETE', `/v2/clusters/${another}`)).status).toBe(204);
  await untilGone(other, another);
  const { trusts: made, ...left } = bed.cloud.inventory('other');
  expect([left, made?.length]).toEqual([withoutTrusts(before[0]), 1]);
  expect(bed.cloud.inventory('services')).toEqual(before[1]);
  expect((await demo.request('DELETE', `/v2/clusters/${mine}`)).status).toBe(204);
  await untilGone(demo, mine);
});

function withoutTrusts({ trusts: _trusts, ...rest }: ReturnType<typeof bed.cloud.inventory>) {
  return rest;
}

/** As a user's key pair has it; nobody needs its private half. */
function publicKey(): string {
  const parts = ['ssh-ed25519', randomBytes(32)].map((part) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(Buffer.byteLength(part));
    return Buffer.concat([length, Buffer.from(part as string)]);
  });
  return `ssh-ed25519 ${Buffer.concat(parts).toString('base64')}`;
}

/** Who is let in, by machine, besides the controller. */
async function guests(id: string): Promise<Record<string, string[]>> {
  const { body } = await demo.request('POST', `/v2/clusters/${id}/runs`, {
    command: 'cat ~/.ssh/authorized_keys',
  });
  const place = `/v2/clusters/${id}/runs/${body.run.id}`;
  const { run } = (await demo.request('GET', `${place}?wait=60`)).body;
  const found: Record<string, string[]> = {};
  for (const target of run.targets) {
    expect(target.error ?? target.status).toBe('succeeded');
    const said = await demo.request('GET', `${place}/output?instance=${target.instance_id}&stream=stdout`);
    found[target.instance_name] = String(said.body)
      .split('\n')
      .filter((line) => line !== '' && !line.includes('wadi'));
  }
  return found;
}

test("of two members' key pairs of one name, that of who makes the cluster is let in, and stays so", async () => {
  const [mine, theirs, lonely] = [publicKey(), publicKey(), publicKey()];
  await bed.cloud.client('demo', 'demo').keypairs.import('laptop', mine);
  await bed.cloud.client('second', 'demo').keypairs.import('laptop', theirs);
  await bed.cloud.client('second', 'demo').keypairs.import('desk', lonely);
  // Theirs is the newest trust: that by which the machines are made.
  const second = await logIn('second', 'demo');
  await second.request('GET', '/v2/clusters');
  const named = (name: string) => ({ machines: 1, cluster: { user_keypair_id: name } });
  const refused = await demo.request('POST', '/v2/clusters', clusterBody(bed.cloud, 'wrong', named('desk')));
  const message = expect.stringContaining("Requested keypair 'desk' not found");
  expect([refused.status, refused.body.error_message]).toEqual([400, message]);

  const id = await createCluster(demo, clusterBody(bed.cloud, 'pairs', named('laptop')));
  await untilStatus(demo, id, 'Active');
  expect(await guests(id)).toEqual({ 'pairs-proxy-0': [mine], 'pairs-machine-0': [mine] });
  // Whatever becomes of the pair, and whoever makes it grow.
  await bed.cloud.client('demo', 'demo').keypairs.delete('laptop');
  const grown = { resize_node_groups: [{ name: 'machine', count: 2 }] };
  const scaled = await second.request('PUT', `/v2/clusters/${id}`, grown);
  expect(scaled.status, JSON.stringify(scaled.body)).toBe(202);
  await untilStatus(demo, id, 'Active');
  expect((await guests(id))['pairs-machine-1']).toEqual([mine]);
  expect((await demo.request('DELETE', `/v2/clusters/${id}`)).status).toBe(204);
  await untilGone(demo, id);
});

const debian = () => `/v2/images/${bed.cloud.furniture.images.debian}`;

test('another member has let it act, too: the end of one trust is not noticed', async () => {
  const [older] = trusts();
  const second = await logIn('second', 'demo');
  // The newest is used.
  expect((await second.request('GET', debian())).status).toBe(200);
  expect(trusts()).toHaveLength(2);
  bed.cloud.expireTrust(trusts().find((id) => id !== older) ?? '');
  bed.cloud.expireTokens();
  const looker = await logIn('looker', 'demo');
  expect([(await looker.request('GET', debian())).status, trusts()]).toEqual([200, [older]]);
});

test("that the controller's own password is not accepted for a while is no trust's end", async () => {
  const before = trusts();
  bed.cloud.expireTokens();
  const looker = await logIn('looker', 'demo');
  expect((await looker.request('GET', '/v2/clusters')).status).toBe(200);
  bed.cloud.expireTokens();
  const refused = bed.cloud.faults.add('POST /identity/v3/auth/tokens', { status: 401 }, { times: 1000 });
  const look = async () => (await looker.request('GET', debian())).status;
  expect(await look()).toBe(503);
  expect(refused.met).toBeGreaterThan(0);
  bed.cloud.faults.clear();
  // A refusal stands for some seconds, lest logins in a row lock a user out. Whoever only looks renews nothing.
  await expect.poll(look, { timeout: 20_000, interval: 500 }).toBe(200);
  expect(trusts()).toEqual(before);
});

test('when nobody lets the controller act any more it says so, and a request of any member changes that', async () => {
  for (const id of trusts()) bed.cloud.expireTrust(id);
  bed.cloud.expireTokens();
  const looker = await logIn('looker', 'demo');
  const look = () => looker.request('GET', debian());
  const answer = await look();
  expect([answer.status, answer.body]).toEqual([
    503,
    expect.objectContaining({
      error_name: 'CLOUD_UNAVAILABLE',
      error_message: expect.stringMatching(/^Nobody lets this controller act in project/),
      hint: expect.stringContaining('any request of one of its members'),
      retryable: true,
    }),
  ]);
  // A token that has ended meanwhile, and is remembered for a moment, renews nothing, and is no harm to the next.
  await demo.request('GET', '/v2/clusters');
  expect((await look()).status).toBe(503);
  await (await logIn('demo', 'demo')).request('GET', '/v2/clusters');
  expect([(await look()).status, trusts().length]).toEqual([200, 1]);
});

test('a cluster whose project lets nobody act waits for its deletion until somebody does', async () => {
  demo = await logIn('demo', 'demo');
  const id = await createCluster(demo, clusterBody(bed.cloud, 'kept', { machines: 0 }));
  await untilStatus(demo, id, 'Active');
  for (const trust of trusts()) bed.cloud.expireTrust(trust);
  bed.cloud.expireTokens();
  demo = await logIn('demo', 'demo');
  expect((await demo.request('DELETE', `/v2/clusters/${id}`)).status).toBe(204);
  await untilGone(demo, id);
  const { servers, floating_ips, security_groups } = bed.cloud.inventory('demo');
  expect([servers, floating_ips, security_groups?.length]).toEqual([[], [], 1]);
});

test('admins of one project answer for the whole installation, those of others do not', async () => {
  expect((await (await logIn('operator', 'services')).request('GET', '/v2/keys')).status).toBe(200);
  expect((await (await logIn('boss', 'demo')).request('GET', '/v2/keys')).status).toBe(403);
});
