import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { OpenStack } from '../openstack.ts';
import { TestCloud } from '../test-cloud.ts';

const id = '1cbb62c6-06dc-49e3-b831-a7bc5067e466';
/** What Nova 26 (Zed) answered, with 2.26. */
const server = {
  id,
  name: 'probe',
  status: 'ACTIVE',
  tenant_id: 'ee40bc5cd2414ad39051395c358fa00c',
  user_id: '7e921589e5614d3b9c28bb870dfae7d3',
  metadata: { cluster: 'one' },
  hostId: 'dd34fdc22eb49a25bb56046b8d6e6c2fc42ab3d7ee5807f8bdbd30db',
  image: { id: '050f3998-ced4-4e48-8de1-73803c49fa72', links: [] },
  flavor: { id: '70b288ac-ca27-44d1-9ae5-ab944f43af79', links: [] },
  created: '2026-11-23T06:52:42Z',
  updated: '2026-11-23T06:52:46Z',
  addresses: {
    private: [
      {
        version: 4,
        addr: '10.20.0.66',
        'OS-EXT-IPS:type': 'fixed',
        'OS-EXT-IPS-MAC:mac_addr': 'fa:16:3e:68:55:1e',
      },
    ],
  },
  accessIPv4: '',
  key_name: null,
  security_groups: [{ name: 'default' }],
  'OS-EXT-AZ:availability_zone': 'nova',
  'OS-EXT-STS:task_state': null,
  'OS-EXT-STS:vm_state': 'active',
  'OS-EXT-STS:power_state': 1,
  'os-extended-volumes:volumes_attached': [],
  locked: false,
  description: 'probe',
  tags: ['wadi', 'cluster-one'],
};
let cloud: TestCloud;
let client: OpenStack;

beforeEach(async () => {
  cloud = await TestCloud.start();
  client = cloud.client();
  cloud.on('GET /compute/v2.1/', () => ({
    body: { version: { id: 'v2.1', status: 'CURRENT', version: '2.93', min_version: '2.1' } },
  }));
});
afterEach(() => cloud.stop());

test('a server is created with all that a cluster needs, and its id is returned', async () => {
  cloud.on('POST /compute/v2.1/servers', () => ({
    status: 202,
    body: { server: { id, links: [], security_groups: [{ name: 'default' }], adminPass: '6juQoNLGak5f' } },
  }));
  const made = await client.servers.create({
    name: 'probe',
    flavorRef: 'small',
    networks: [{ port: 'port-1' }],
    key_name: 'mine',
    user_data: '#!/bin/sh\necho "ä"\n',
    config_drive: true,
    metadata: { cluster: 'one' },
    tags: ['wadi'],
    availability_zone: 'nova',
    block_device_mapping_v2: [
      { boot_index: 0, uuid: 'image-1', source_type: 'image', destination_type: 'volume', volume_size: 10 },
    ],
    hints: { group: 'group-1' },
  });
  expect(made).toBe(id);
  const [request] = cloud.requests('POST /compute/v2.1/servers');
  expect(request?.headers['openstack-api-version']).toBe('compute 2.52');
  expect(request?.body).toEqual({
    server: {
      name: 'probe',
      flavorRef: 'small',
      networks: [{ port: 'port-1' }],
      key_name: 'mine',
      user_data: Buffer.from('#!/bin/sh\necho "ä"\n').toString('base64'),
      config_drive: true,
      metadata: { cluster: 'one' },
      tags: ['wadi'],
      availability_zone: 'nova',
      block_device_mapping_v2: [
        { boot_index: 0, uuid: 'image-1', source_type: 'image', destination_type: 'volume', volume_size: 10 },
      ],
    },
    'os:scheduler_hints': { group: 'group-1' },
  });
});

test('a volume type needs a newer microversion, and no older one is asked for it', async () => {
  cloud.on('POST /compute/v2.1/servers', () => ({ status: 202, body: { server: { id } } }));
  const disk = {
    boot_index: 0,
    uuid: 'image-1',
    source_type: 'image',
    destination_type: 'volume',
    volume_type: 'fast',
  } as const;
  const wanted = {
    name: 'probe',
    flavorRef: 'small',
    networks: 'none',
    block_device_mapping_v2: [disk],
  } as const;
  await client.servers.create(wanted);
  expect(cloud.requests('POST /compute/v2.1/servers')[0]?.headers['openstack-api-version']).toBe(
    'compute 2.67',
  );
});

test('user data that Nova quotes when it refuses it is not in the error', async () => {
  const script = '#!/bin/sh\nexport TOKEN=hunter2-hunter2\n';
  cloud.on('POST /compute/v2.1/servers', ({ body }) => ({
    status: 400,
    body: {
      badRequest: {
        code: 400,
        message: `Invalid input for field/attribute user_data. Value: ${body.server.user_data}. '${body.server.user_data}' is bad`,
      },
    },
  }));
  const wanted = { name: 'probe', flavorRef: 'small', networks: 'none', user_data: script } as const;
  const error = await client.servers.create(wanted).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'BAD_REQUEST', type: 'badRequest' });
  const all = inspect(error, { depth: 8, showHidden: true });
  expect(all).not.toContain(Buffer.from(script).toString('base64').slice(0, 20));
  expect(all).not.toContain('hunter2');
});

test.each<[string, object]>([
  ['user data that is too long', { user_data: 'x'.repeat(49_150) }],
  ['a tag with a slash', { tags: ['a/b'] }],
  ['a tag that is too long', { tags: ['x'.repeat(61)] }],
])('%s is refused before anything is sent', async (_name, changes) => {
  const wanted = { name: 'probe', flavorRef: 'small', networks: 'none', ...changes } as const;
  await expect(client.servers.create(wanted)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  expect(cloud.received).toEqual([]);
});

test('a server is read, one that is not there is null', async () => {
  cloud.on(`GET /compute/v2.1/servers/${id}`, () => ({ body: { server } }));
  expect(await client.servers.get(id)).toMatchObject({ status: 'ACTIVE', tags: ['wadi', 'cluster-one'] });
  const building = {
    ...server,
    status: 'ERROR',
    addresses: {},
    image: '',
    fault: { code: 500, message: 'No valid host' },
  };
  cloud.on(`GET /compute/v2.1/servers/${id}`, () => ({ body: { server: building } }));
  expect(await client.servers.get(id)).toMatchObject({ fault: { message: 'No valid host' } });
  expect(await client.servers.get('other')).toBeNull();
});

test('servers are found by tag, metadata and exact name, also by a Nova that passes over filters', async () => {
  const others = [
    { ...server, id: 'b', name: 'probe-2' },
    { ...server, id: 'c', tags: ['wadi'] },
    { ...server, id: 'd', metadata: {} },
  ];
  cloud.on('GET /compute/v2.1/servers/detail', () => ({ body: { servers: [server, ...others] } }));
  const found = await client.servers.list({
    tags: ['wadi', 'cluster-one'],
    name: 'probe',
    metadata: { cluster: 'one' },
  });
  expect(found.map((one) => one.id)).toEqual([id]);
  expect(cloud.received.at(-1)?.path).toBe(
    '/compute/v2.1/servers/detail?tags=wadi%2Ccluster-one&name=%5Eprobe%24',
  );
  await client.servers.list({ name: 'a.b' });
  expect(cloud.received.at(-1)?.path).toBe('/compute/v2.1/servers/detail');
});

test('actions, the console and tags', async () => {
  const action = `POST /compute/v2.1/servers/${id}/action`;
  cloud.on(action, () => ({ status: 202, body: '' }));
  await client.servers.start(id);
  await client.servers.stop(id);
  await client.servers.reboot(id, 'HARD');
  cloud.on(action, () => ({ body: { output: 'login:' } }));
  expect(await client.servers.consoleLog(id, { lines: 5 })).toBe('login:');
  expect(cloud.requests(action).map(({ body }) => body)).toEqual([
    { 'os-start': null },
    { 'os-stop': null },
    { reboot: { type: 'HARD' } },
    { 'os-getConsoleOutput': { length: 5 } },
  ]);
  cloud.on(`PUT /compute/v2.1/servers/${id}/tags/x`, () => ({ status: 201, body: '' }));
  await client.servers.addTag(id, 'x');
  cloud.on(`DELETE /compute/v2.1/servers/${id}`, () => ({ status: 204, body: '' }));
  await client.servers.delete(id);
  await expect(client.servers.delete('other')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await client.servers.delete('other', { missingOk: true });
});

test('a server without a console has written nothing; one that there is not is an error', async () => {
  const action = `POST /compute/v2.1/servers/${id}/action`;
  cloud.on(action, () => ({
    status: 409,
    body: { conflictingRequest: { code: 409, message: `Instance ${id} is not ready` } },
  }));
  expect(await client.servers.consoleLog(id)).toBe('');
  cloud.on(action, () => ({
    status: 404,
    body: { itemNotFound: { code: 404, message: 'Guest does not have a console available.' } },
  }));
  cloud.on(`GET /compute/v2.1/servers/${id}`, () => ({ body: { server } }));
  expect(await client.servers.consoleLog(id)).toBe('');
  await expect(client.servers.consoleLog('other')).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('a tag that Nova would store as another one is not sent in a path', async () => {
  await expect(client.servers.addTag(id, 'fünf')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  expect(cloud.received).toEqual([]);
});

test('key pairs', async () => {
  const keypair = {
    name: 'pk',
    public_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILwHYhD7jpy31ji6tnkdvKE8lswhQsywO3gLljTxw8RP root@vm\n',
    fingerprint: 'a6:b6:30:ff:ea:77:b3:b5:b7:ac:70:fc:6c:10:52:b7',
    user_id: '7e921589e5614d3b9c28bb870dfae7d3',
  };
  cloud.on('POST /compute/v2.1/os-keypairs', () => ({ status: 201, body: { keypair } }));
  cloud.on('GET /compute/v2.1/os-keypairs', () => ({ body: { keypairs: [{ keypair }] } }));
  expect(await client.keypairs.import('pk', keypair.public_key)).toMatchObject({ name: 'pk' });
  expect((await client.keypairs.list()).map(({ name }) => name)).toEqual(['pk']);
  expect(await client.keypairs.get('none')).toBeNull();
  await client.keypairs.delete('none', { missingOk: true });
  const message = "Key pair 'pk' already exists.";
  cloud.on('POST /compute/v2.1/os-keypairs', () => ({
    status: 409,
    body: { conflictingRequest: { code: 409, message } },
  }));
  await expect(client.keypairs.import('pk', 'ssh-ed25519 AAAA')).rejects.toMatchObject({
    code: 'CONFLICT',
    said: message,
  });
});

test('server groups', async () => {
  const group = { id: 'g', name: 'spread', policies: ['anti-affinity'], members: [], metadata: {} };
  cloud.on('POST /compute/v2.1/os-server-groups', () => ({ body: { server_group: group } }));
  cloud.on('GET /compute/v2.1/os-server-groups', () => ({
    body: { server_groups: [group, { ...group, name: 'x' }] },
  }));
  cloud.on('GET /compute/v2.1/os-server-groups/g', () => ({ body: { server_group: group } }));
  await client.serverGroups.create('spread', 'anti-affinity');
  const [request] = cloud.requests('POST /compute/v2.1/os-server-groups');
  expect(request?.body).toEqual({ server_group: { name: 'spread', policies: ['anti-affinity'] } });
  expect(await client.serverGroups.list({ name: 'spread' })).toHaveLength(1);
  expect(await client.serverGroups.get('g')).toMatchObject({ id: 'g' });
  await client.serverGroups.delete('none', { missingOk: true });
});

test('flavors, limits and zones', async () => {
  const flavor = {
    id: 'f',
    name: 'lab.tiny',
    ram: 160,
    disk: 1,
    swap: '',
    vcpus: 1,
    'OS-FLV-EXT-DATA:ephemeral': 0,
  };
  cloud.on('GET /compute/v2.1/flavors/detail', () => ({ body: { flavors: [flavor] } }));
  cloud.on('GET /compute/v2.1/flavors/f', () => ({ body: { flavor } }));
  const absolute = {
    maxTotalInstances: 10,
    totalInstancesUsed: 2,
    maxTotalCores: -1,
    totalCoresUsed: 2,
    maxTotalRAMSize: 51200,
    totalRAMUsed: 320,
    maxServerGroups: 10,
    totalServerGroupsUsed: 0,
  };
  cloud.on('GET /compute/v2.1/limits', () => ({ body: { limits: { rate: [], absolute } } }));
  const zones = [
    { zoneName: 'nova', zoneState: { available: true }, hosts: null },
    { zoneName: 'old', zoneState: { available: false }, hosts: null },
  ];
  cloud.on('GET /compute/v2.1/os-availability-zone', () => ({ body: { availabilityZoneInfo: zones } }));
  expect(await client.offers.flavors()).toMatchObject([{ name: 'lab.tiny', ram: 160 }]);
  expect(await client.offers.flavor('f')).toMatchObject({ vcpus: 1 });
  expect(await client.offers.flavor('g')).toBeNull();
  expect(await client.offers.limits()).toMatchObject({ maxTotalInstances: 10, totalInstancesUsed: 2 });
  expect(await client.offers.availabilityZones()).toEqual(['nova']);
});
