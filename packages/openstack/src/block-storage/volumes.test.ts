import { afterEach, beforeEach, expect, test } from 'vitest';
import type { OpenStack } from '../openstack.ts';
import { projectId, TestCloud } from '../test-cloud.ts';

const base = `/volume/v3/${projectId}`;
const volume = {
  id: 'v',
  name: 'data',
  description: null,
  status: 'available',
  size: 10,
  volume_type: 'lvmdriver-1',
  availability_zone: 'nova',
  bootable: 'false',
  metadata: { cluster: 'one' },
  attachments: [],
  created_at: '2026-11-23T06:52:42.000000',
  encrypted: false,
  multiattach: false,
};
let cloud: TestCloud;
let client: OpenStack;

beforeEach(async () => {
  cloud = await TestCloud.start();
  client = cloud.client();
});
afterEach(() => cloud.stop());

test('a volume is created, found by metadata, read and deleted', async () => {
  cloud.on(`POST ${base}/volumes`, () => ({ status: 202, body: { volume } }));
  cloud.on(`GET ${base}/volumes/detail`, () => ({
    body: { volumes: [volume, { ...volume, id: 'w', metadata: {} }] },
  }));
  cloud.on(`GET ${base}/volumes/v`, () => ({ body: { volume } }));
  cloud.on(`DELETE ${base}/volumes/v`, () => ({ status: 202, body: '' }));
  const wanted = { size: 10, name: 'data', metadata: { cluster: 'one' } };
  expect(await client.volumes.create(wanted)).toMatchObject({ status: 'available' });
  expect(cloud.requests(`POST ${base}/volumes`)[0]?.body).toEqual({ volume: wanted });
  expect((await client.volumes.list({ metadata: { cluster: 'one' } })).map(({ id }) => id)).toEqual(['v']);
  expect(await client.volumes.get('v')).toMatchObject({ size: 10 });
  expect(await client.volumes.get('none')).toBeNull();
  await client.volumes.delete('v');
  await client.volumes.delete('none', { missingOk: true });
});

test('types and limits; too much is an error of the quota', async () => {
  cloud.on(`GET ${base}/types`, () => ({
    body: { volume_types: [{ id: 't', name: 'fast', is_public: true }] },
  }));
  const absolute = {
    maxTotalVolumes: 10,
    totalVolumesUsed: 1,
    maxTotalVolumeGigabytes: 1000,
    totalGigabytesUsed: 10,
  };
  cloud.on(`GET ${base}/limits`, () => ({ body: { limits: { rate: [], absolute } } }));
  expect(await client.volumes.types()).toMatchObject([{ name: 'fast' }]);
  expect(await client.volumes.limits()).toEqual(absolute);
  const message = "VolumeLimitExceeded: Maximum number of volumes allowed (10) exceeded for quota 'volumes'.";
  cloud.on(`POST ${base}/volumes`, () => ({ status: 413, body: { overLimit: { code: 413, message } } }));
  await expect(client.volumes.create({ size: 1, name: 'x' })).rejects.toMatchObject({
    code: 'QUOTA_EXCEEDED',
    said: message,
  });
});
