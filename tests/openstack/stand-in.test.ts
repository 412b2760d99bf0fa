import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadCloud, OpenStack, Secret, type Server } from '@wadi/openstack';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { StandIn } from '../set-up/openstack/stand-in.ts';
import { plantSecret } from '../set-up/run-folder.ts';

const publicKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILwHYhD7jpy31ji6tnkdvKE8lswhQsywO3gLljTxw8RP mine';
let cloud: StandIn;
let demo: OpenStack;

beforeEach(async () => {
  cloud = await StandIn.start();
  demo = cloud.client();
});
afterEach(() => cloud.stop());

function wanted(name: string, more: object = {}) {
  const { flavors, images, privateNetwork } = cloud.furniture;
  const [flavorRef = '', imageRef] = [flavors['lab.small'], images.debian];
  return { name, flavorRef, imageRef, networks: [{ uuid: privateNetwork }], tags: ['wadi'], ...more };
}

async function waitFor(id: string, status: string): Promise<Server> {
  for (;;) {
    const server = await demo.servers.get(id);
    if (server?.status === status && server['OS-EXT-STS:task_state'] === null) return server;
    expect(server, `${id} is gone`).not.toBeNull();
    await sleep(5);
  }
}

async function waitUntilGone(id: string): Promise<void> {
  while ((await demo.servers.get(id)) !== null) await sleep(5);
}

test('a server is built with a port, shows its addresses, obeys, and goes; its floating IP stays', async () => {
  const told: string[] = [];
  cloud.hooks.onServerActive = ({ name, addresses, userData, publicKey: key }) =>
    void told.push(`active ${name} ${addresses} ${userData} ${key === publicKey}`);
  cloud.hooks.onServerGone = ({ name }) => void told.push(`gone ${name}`);
  cloud.hooks.consoleOutput = () => 'one\ntwo\nthree\n';
  const before = cloud.inventory('demo');
  const group = await demo.securityGroups.create({ name: 'proxy' });
  await demo.keypairs.import('mine', publicKey);
  const more = {
    key_name: 'mine',
    user_data: '#!/bin/sh\n',
    security_groups: [{ name: 'proxy' }],
    metadata: { a: 'b' },
  };
  cloud.hold();
  const id = await demo.servers.create(wanted('one', more));
  expect(await demo.servers.get(id)).toMatchObject({ status: 'BUILD', addresses: {}, tags: ['wadi'] });
  await expect(demo.servers.stop(id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  cloud.release();
  const server = await waitFor(id, 'ACTIVE');
  const [port] = await demo.ports.list({ device_id: id });
  expect(port).toMatchObject({ security_groups: [group.id], status: 'ACTIVE', device_owner: 'compute:nova' });
  expect(server.addresses.private).toMatchObject([
    { addr: port?.fixed_ips[0]?.ip_address, 'OS-EXT-IPS:type': 'fixed' },
  ]);
  expect(
    (await demo.servers.list({ tags: ['wadi'], name: 'one', metadata: { a: 'b' } })).map((one) => one.id),
  ).toEqual([id]);
  expect(await demo.servers.list({ tags: ['another'] })).toEqual([]);
  await demo.servers.addTag(id, 'another');
  expect(await demo.servers.list({ tags: ['another', 'wadi'] })).toHaveLength(1);
  expect(await demo.servers.consoleLog(id, { lines: 2 })).toBe('two\nthree\n');

  await expect(demo.servers.start(id)).rejects.toMatchObject({ code: 'CONFLICT' });
  await demo.servers.stop(id);
  await waitFor(id, 'SHUTOFF');
  await demo.servers.start(id);
  await waitFor(id, 'ACTIVE');
  await demo.servers.reboot(id, 'HARD');
  await waitFor(id, 'ACTIVE');

  cloud.hold();
  const floating = await demo.floatingIps.create({
    floating_network_id: cloud.furniture.externalNetwork,
    port_id: port?.id ?? '',
    description: 'of one',
  });
  expect(floating).toMatchObject({ status: 'DOWN', fixed_ip_address: port?.fixed_ips[0]?.ip_address });
  expect((await demo.servers.get(id))?.addresses.private?.map((one) => one['OS-EXT-IPS:type'])).toEqual([
    'fixed',
    'floating',
  ]);
  await expect(demo.securityGroups.delete(group.id)).rejects.toMatchObject({
    code: 'CONFLICT',
    type: 'SecurityGroupInUse',
  });

  await demo.servers.delete(id);
  expect(await demo.servers.get(id)).toMatchObject({ 'OS-EXT-STS:task_state': 'deleting' });
  await expect(demo.servers.start(id)).rejects.toMatchObject({ code: 'CONFLICT' });
  await demo.servers.delete(id);
  cloud.release();
  await waitUntilGone(id);
  expect(await demo.ports.list({ device_id: id })).toEqual([]);
  expect(await demo.floatingIps.list({ description: 'of one' })).toMatchObject([
    { id: floating.id, port_id: null },
  ]);
  expect(cloud.inventory('demo')).not.toEqual(before);
  await demo.floatingIps.delete(floating.id);
  await demo.securityGroups.delete(group.id);
  await demo.keypairs.delete('mine');
  expect(cloud.inventory('demo')).toEqual(before);
  expect(told).toEqual([`active one ${port?.fixed_ips[0]?.ip_address} #!/bin/sh\n true`, 'gone one']);
});

test.each<[string, object, object]>([
  ['an unknown key pair', { key_name: 'none' }, { code: 'BAD_REQUEST', said: 'Invalid key_name provided.' }],
  [
    'an unknown group',
    { security_groups: [{ name: 'nosg' }] },
    { said: "Unable to find security_group with name or id 'nosg'" },
  ],
  ['an unknown image', { imageRef: 'nope' }, { code: 'BAD_REQUEST', type: 'badRequest' }],
  ['an unknown flavor', { flavorRef: 'nope' }, { code: 'BAD_REQUEST' }],
  ['an unknown network', { networks: [{ uuid: 'nope' }] }, { code: 'BAD_REQUEST' }],
  ['an unknown zone', { availability_zone: 'nope' }, { code: 'BAD_REQUEST' }],
])('a server with %s is refused', async (_name, more, error) => {
  await expect(demo.servers.create(wanted('one', more))).rejects.toMatchObject({ status: 400, ...error });
  expect(await demo.servers.list()).toEqual([]);
});

test('quotas, hosts and the scheduler set bounds', async () => {
  cloud.settings.computeQuota.instances = 3;
  cloud.settings.hosts = 2;
  const group = await demo.serverGroups.create('spread', 'anti-affinity');
  const ids: string[] = [];
  for (const [name, status] of [
    ['one', 'ACTIVE'],
    ['two', 'ACTIVE'],
    ['three', 'ERROR'],
  ] as const) {
    const id = await demo.servers.create(wanted(name, { hints: { group: group.id } }));
    await waitFor(id, status);
    ids.push(id);
  }
  const error = await waitFor(ids[2] ?? '', 'ERROR');
  expect(error.fault).toMatchObject({ code: 500, message: expect.stringContaining('No valid host') });
  expect((await demo.serverGroups.get(group.id))?.members).toEqual(ids);
  expect(await demo.offers.limits()).toMatchObject({ maxTotalInstances: 3, totalInstancesUsed: 3 });
  await expect(demo.servers.create(wanted('four'))).rejects.toMatchObject({
    code: 'QUOTA_EXCEEDED',
    status: 403,
  });
  cloud.settings.networkQuota.security_group = 1;
  await expect(demo.securityGroups.create({ name: 'more' })).rejects.toMatchObject({
    code: 'QUOTA_EXCEEDED',
    type: 'OverQuota',
  });
  expect((await demo.networkQuotas()).security_group).toEqual({ limit: 1, used: 1, reserved: 0 });
});

test('ports of our own are used, and outlive the server', async () => {
  const port = await demo.ports.create({ network_id: cloud.furniture.privateNetwork, name: 'mine' });
  const id = await demo.servers.create(wanted('one', { networks: [{ port: port.id }] }));
  await waitFor(id, 'ACTIVE');
  const again = demo.servers.create(wanted('two', { networks: [{ port: port.id }] }));
  await expect(again).rejects.toMatchObject({ code: 'CONFLICT' });
  await demo.servers.delete(id);
  await waitUntilGone(id);
  expect(await demo.ports.get(port.id)).toMatchObject({ device_id: '', status: 'DOWN' });
});

test('networks, routers and what depends on them', async () => {
  const network = await demo.networks.create({ name: 'mine' });
  const subnet = await demo.subnets.create({ network_id: network.id, cidr: '10.30.0.0/24', ip_version: 4 });
  expect(subnet).toMatchObject({ gateway_ip: '10.30.0.1', enable_dhcp: true });
  const port = await demo.ports.create({ network_id: network.id });
  const external = cloud.furniture.externalNetwork;
  const attach = () => demo.floatingIps.create({ floating_network_id: external, port_id: port.id });
  await expect(attach()).rejects.toMatchObject({ type: 'ExternalGatewayForFloatingIPNotFound' });
  const router = await demo.routers.create({ name: 'r', external_gateway_info: { network_id: external } });
  const leg = await demo.routers.addInterface(router.id, subnet.id);
  expect(await demo.ports.get(leg)).toMatchObject({
    device_owner: 'network:router_interface',
    device_id: router.id,
  });
  await expect(demo.routers.addInterface(router.id, subnet.id)).rejects.toMatchObject({
    code: 'BAD_REQUEST',
  });
  const floating = await attach();
  await expect(attach()).rejects.toMatchObject({ type: 'FloatingIPPortAlreadyAssociated' });
  await expect(demo.routers.removeInterface(router.id, subnet.id)).rejects.toMatchObject({
    code: 'CONFLICT',
  });
  await expect(demo.networks.delete(network.id)).rejects.toMatchObject({ type: 'NetworkInUse' });
  expect(await demo.floatingIps.update(floating.id, { port_id: null })).toMatchObject({ port_id: null });
  await demo.floatingIps.delete(floating.id);
  await demo.routers.removeInterface(router.id, subnet.id);
  await demo.routers.delete(router.id);
  await demo.ports.delete(port.id);
  await demo.networks.delete(network.id);
  expect(await demo.networks.list({ 'router:external': true })).toMatchObject([
    { id: external, name: 'public' },
  ]);
  await expect(demo.networks.delete(external)).rejects.toMatchObject({ code: 'FORBIDDEN' });
});

test('groups begin with rules that let everything out, and a rule is there once', async () => {
  const group = await demo.securityGroups.create({ name: 'inner', description: 'of a cluster' });
  expect(
    group.security_group_rules.map(({ direction, ethertype }) => `${direction} ${ethertype}`).sort(),
  ).toEqual(['egress IPv4', 'egress IPv6']);
  const rule = {
    security_group_id: group.id,
    direction: 'ingress',
    ethertype: 'IPv4',
    protocol: 'tcp',
    port_range_min: 22,
    port_range_max: 22,
    remote_ip_prefix: '198.51.100.1',
  } as const;
  expect(await demo.securityGroupRules.create(rule)).toMatchObject({ remote_ip_prefix: '198.51.100.1/32' });
  await expect(demo.securityGroupRules.create(rule)).rejects.toMatchObject({
    code: 'CONFLICT',
    type: 'SecurityGroupRuleExists',
  });
  expect(
    await demo.securityGroupRules.list({ security_group_id: group.id, direction: 'ingress' }),
  ).toHaveLength(1);
  await demo.securityGroups.setTags(group.id, ['wadi', 'cluster-1']);
  await demo.securityGroups.addTag(group.id, 'x');
  expect(await demo.securityGroups.list({ tags: ['wadi', 'x'] })).toMatchObject([{ id: group.id }]);
  const tagged = { name: 'with-tags', tags: ['wadi'] };
  await expect(demo.securityGroups.create(tagged)).rejects.toMatchObject({
    code: 'BAD_REQUEST',
    said: "Attribute 'tags' not allowed in POST",
  });
});

test('what is of another project is not there', async () => {
  const other = cloud.client('other', 'other');
  const id = await demo.servers.create(wanted('one'));
  const group = await demo.securityGroups.create({ name: 'inner' });
  expect(await other.servers.get(id)).toBeNull();
  expect(await other.servers.list()).toEqual([]);
  expect(await other.securityGroups.get(group.id)).toBeNull();
  expect((await other.networks.list()).map(({ name }) => name)).toEqual(['public']);
  expect((await other.images.list({ name: 'debian' }))[0]).toMatchObject({ _sahara_username: 'debian' });
  await demo.keypairs.import('mine', publicKey);
  await expect(demo.keypairs.import('mine', publicKey)).rejects.toMatchObject({ code: 'CONFLICT' });
  expect(await other.keypairs.list()).toEqual([]);
});

test('listings come in pages', async () => {
  cloud.settings.mostPerPage = 2;
  for (let count = 0; count < 5; count += 1) {
    await demo.securityGroups.create({ name: `g${count}` });
    await demo.servers.create(wanted(`s${count}`));
  }
  expect(await demo.securityGroups.list()).toHaveLength(6);
  expect(await demo.servers.list()).toHaveLength(5);
});

test('offers, images, and Cinder where it is asked for', async () => {
  expect((await demo.offers.flavors()).map(({ name }) => name)).toContain('lab.tiny');
  expect(await demo.offers.availabilityZones()).toEqual(['nova']);
  expect(await demo.images.get(cloud.furniture.images['debian-lab'] ?? '')).toMatchObject({
    wadi_user_data: 'script',
  });
  await expect(demo.images.delete(cloud.furniture.images.debian ?? '')).rejects.toMatchObject({
    code: 'FORBIDDEN',
  });
  expect(await demo.images.get('none')).toBeNull();
  expect(await demo.has('block-storage')).toBe(false);
  cloud.settings.blockStorage = true;
  const later = cloud.client();
  expect((await later.volumes.types()).map(({ name }) => name)).toEqual(['fast']);
  expect(await later.volumes.limits()).toMatchObject({ maxTotalVolumes: 10 });
  cloud.settings.microversions.highest = 30;
  await expect(cloud.client().servers.create(wanted('one'))).rejects.toMatchObject({
    code: 'MICROVERSION_UNSUPPORTED',
  });
});

test('a trust acts for who made it, until it is over', async () => {
  const wadi = cloud.client('wadi', 'services');
  const [trustor, trustee] = [await demo.identity(), await wadi.identity()];
  const give = (role: string) =>
    demo.trusts.create({
      trustor_user_id: trustor.user.id,
      trustee_user_id: trustee.user.id,
      project_id: cloud.projectId('demo'),
      impersonation: true,
      roles: [{ name: role }],
      expires_at: new Date(Date.now() + 60_000),
    });
  await expect(give('admin')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  const trust = await give('member');
  const acting = wadi.byTrust(trust.id);
  expect(await acting.identity()).toMatchObject({
    user: { name: 'demo' },
    project: { name: 'demo' },
    roles: [{ name: 'member' }],
  });
  const id = await acting.servers.create(wanted('one'));
  expect((await demo.servers.list()).map((one) => one.id)).toEqual([id]);
  await expect(demo.byTrust(trust.id).identity()).rejects.toMatchObject({ status: 403 });
  expect(await wadi.trusts.list({ trustee_user_id: trustee.user.id })).toHaveLength(1);
  await demo.trusts.delete(trust.id);
  expect(await demo.trusts.get(trust.id)).toBeNull();
  expect(await acting.servers.list()).toHaveLength(1);
  cloud.expireTokens();
  await expect(acting.servers.list()).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' });
  expect(await demo.servers.list()).toHaveLength(1);
});

test('application credentials and the directory', async () => {
  const { user } = await demo.identity();
  const { credential, secret } = await demo.applicationCredentials.create(user.id, { name: 'wadi' });
  const given = { kind: 'application_credential', credential: { id: credential.id }, secret } as const;
  const acting = demo.actingAs(given);
  expect(await acting.identity()).toMatchObject({ user: { name: 'demo' }, project: { name: 'demo' } });
  await expect(acting.applicationCredentials.create(user.id, { name: 'x' })).rejects.toMatchObject({
    code: 'FORBIDDEN',
  });
  await expect(demo.applicationCredentials.create(user.id, { name: 'wadi' })).rejects.toMatchObject({
    code: 'CONFLICT',
  });
  expect((await demo.directory.ownProjects()).map(({ name }) => name)).toEqual(['demo']);
  expect(await demo.directory.user(user.id)).toMatchObject({ name: 'demo' });
  const wrong = new Secret(`wrong-${user.id}`);
  await expect(demo.actingAs({ ...given, secret: wrong }).identity()).rejects.toMatchObject({ status: 401 });
  await demo.applicationCredentials.delete(user.id, credential.id);
  await expect(acting.directory.ownProjects()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(demo.actingAs(given).identity()).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' });
});

test('each fault is met once, and what was obeyed is there afterwards', async () => {
  const create = 'POST /compute/v2.1/servers';
  const names = async () => (await demo.servers.list()).map(({ name }) => name).sort();
  await demo.servers.list();
  cloud.faults.add(create, { lost: true }, { obeys: 'first' });
  await expect(demo.servers.create(wanted('lost'))).rejects.toMatchObject({
    code: 'CONNECTION_LOST',
    maybeDone: true,
  });
  cloud.faults.add(create, { status: 500 });
  await expect(demo.servers.create(wanted('failed'))).rejects.toMatchObject({
    code: 'SERVICE_FAILED',
    maybeDone: true,
  });
  cloud.faults.add(create, { truncated: true }, { obeys: 'first' });
  await expect(demo.servers.create(wanted('truncated'))).rejects.toMatchObject({
    code: 'INVALID_ANSWER',
    maybeDone: true,
  });
  cloud.faults.add(create, { status: 409 });
  await expect(demo.servers.create(wanted('conflict'))).rejects.toMatchObject({
    code: 'CONFLICT',
    maybeDone: false,
  });
  expect(await names()).toEqual(['lost', 'truncated']);

  const logins = () =>
    cloud.requests.filter(({ path: at, method }) => at.endsWith('/auth/tokens') && method === 'POST').length;
  const before = logins();
  cloud.faults.add(create, { status: 401 });
  cloud.faults.add(create, { status: 503, retryAfter: 0 });
  await demo.servers.create(wanted('patient'));
  expect(logins()).toBe(before + 1);
  cloud.faults.add(create, { stall: 60_000 });
  const limits = { attemptDeadline: 1000 };
  await expect(demo.servers.create(wanted('stalled'), { limits })).rejects.toMatchObject({
    code: 'TIMEOUT',
    maybeDone: true,
  });
  const late = cloud.faults.add(create, { status: 500 }, { obeys: 'late' });
  await expect(demo.servers.create(wanted('late'))).rejects.toMatchObject({ maybeDone: true });
  while ((await demo.servers.list({ name: 'late' })).length === 0) await sleep(5);
  expect(await names()).toEqual(['late', 'lost', 'patient', 'truncated']);
  const twice = cloud.faults.add('GET /network/v2.0/ports/*', { status: 500 }, { times: 2 });
  expect(await demo.ports.get('none')).toBeNull();
  expect([late.met, twice.met, cloud.faults.pending]).toEqual([1, 2, []]);
});

test('the file for clouds.yaml can be read by its owner only, and logs in', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'wadi-stand-in-'));
  try {
    const file = cloud.cloudsFile(path.join(folder, 'own'));
    expect([statSync(file).mode & 0o777, statSync(path.dirname(file)).mode & 0o777]).toEqual([0o600, 0o700]);
    const client = new OpenStack(loadCloud({ file, cloud: 'stand-in', environment: {} }));
    expect(await client.identity()).toMatchObject({ project: { name: 'demo' } });
    await client.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a token is validated by who may, and not once it is over; without one nothing is told', async () => {
  const logIn = async (user: string, project: string) => {
    const { id, password } = cloud.user(user);
    const identity = { methods: ['password'], password: { user: { id, password } } };
    const scope = { project: { id: cloud.projectId(project) } };
    const answer = await fetch(`${cloud.authUrl}/auth/tokens`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ auth: { identity, scope } }),
    });
    const token = answer.headers.get('x-subject-token') ?? '';
    plantSecret('token', token);
    return token;
  };
  const [subject, service] = [await logIn('demo', 'demo'), await logIn('wadi', 'services')];
  const validate = (as: string, of: string) =>
    fetch(`${cloud.authUrl}/auth/tokens?nocatalog`, {
      headers: { 'x-auth-token': as, 'x-subject-token': of },
    });
  const answer = await validate(service, subject);
  expect(await answer.json()).toMatchObject({ token: { user: { name: 'demo' }, project: { name: 'demo' } } });
  expect((await validate(subject, service)).status).toBe(403);
  cloud.expireTokens();
  expect((await validate(await logIn('wadi', 'services'), subject)).status).toBe(404);
  const { origin } = new URL(cloud.authUrl);
  for (const at of [
    '/compute/v2.1/servers',
    '/network/v2.0/ports',
    '/image/v2/images',
    '/identity/v3/auth/projects',
  ])
    expect((await fetch(`${origin}${at}`)).status, at).toBe(401);
});

test('what happens behind the back of a project', async () => {
  const led: [string, string | null][] = [];
  cloud.hooks.onFloatingIp = (address, fixed) => void led.push([address, fixed]);
  const id = await demo.servers.create(wanted('one'));
  await waitFor(id, 'ACTIVE');
  const [port] = await demo.ports.list({ device_id: id });
  const floating_network_id = cloud.furniture.externalNetwork;
  const floating = await demo.floatingIps.create({ floating_network_id, port_id: port?.id ?? '' });
  cloud.loseServer(id);
  expect(await demo.servers.get(id)).toBeNull();
  expect(await demo.floatingIps.get(floating.id)).toMatchObject({ port_id: null });
  const { floating_ip_address } = floating;
  expect(led).toEqual([
    [floating_ip_address, port?.fixed_ips[0]?.ip_address],
    [floating_ip_address, null],
  ]);
  cloud.setRoles('demo', 'demo', []);
  expect(await demo.servers.list()).toEqual([]);
  cloud.expireTokens();
  await expect(demo.servers.list()).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' });
});

test('a stand-in that was stopped listens no more, and tells what a hook threw', async () => {
  const second = await StandIn.start({
    hooks: { onServerActive: () => Promise.reject(new Error('no machine')) },
  });
  const { flavors, images, privateNetwork } = second.furniture;
  const client = second.client();
  const id = await client.servers.create({
    ...wanted('one'),
    flavorRef: flavors['lab.tiny'] ?? '',
    imageRef: images.debian,
    networks: [{ uuid: privateNetwork }],
  });
  while ((await client.servers.get(id))?.status !== 'ACTIVE') await sleep(5);
  const port = Number(new URL(second.authUrl).port);
  await expect(second.stop()).rejects.toMatchObject({ errors: [{ message: 'no machine' }] });
  const refused = new Promise((resolve) => createConnection(port, '127.0.0.1').once('error', resolve));
  expect(await refused).toMatchObject({ code: 'ECONNREFUSED' });
});
