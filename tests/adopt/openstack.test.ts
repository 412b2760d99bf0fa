import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { generateManagementKey } from '../../packages/controller/src/access/management-key.ts';
import { userData } from '../../packages/controller/src/clouds/openstack/user-data.ts';
import type { Answer, LabController } from '../access/lab-controller.ts';
import { CloudBed } from '../set-up/openstack/cloud-bed.ts';
import { plantSecret } from '../set-up/run-folder.ts';
import { adoptedGroup, adoptionBody } from './adoption-body.ts';

let bed: CloudBed;
let wadi: LabController;
const key = generateManagementKey('Generated-by-Sahara');

beforeAll(async () => {
  plantSecret('management key of Sahara', key.privateKey.split('\n')[2] ?? '');
  bed = await CloudBed.open();
  wadi = await bed.controller();
});
afterAll(async () => {
  await wadi?.stop();
  await bed?.close();
});

/** A server as somebody else makes it; returned is what Sahara would know of it. */
async function makeServer(name: string, floating: boolean) {
  const demo = bed.cloud.client();
  const { flavors, images, privateNetwork, externalNetwork } = bed.cloud.furniture;
  const id = await demo.servers.create({
    name,
    flavorRef: flavors['lab.tiny'] ?? '',
    imageRef: images.debian ?? '',
    networks: [{ uuid: privateNetwork }],
    user_data: userData('cloud-config', {
      loginUser: 'debian',
      authorizedKeys: [key.publicKey],
      command: null,
    }),
  });
  for (const deadline = performance.now() + 60_000; ; await sleep(50)) {
    if (bed.servers.hostKeysOf(id)) break;
    if (performance.now() > deadline) throw new Error(`server ${name} does not come up`);
  }
  const [port] = await demo.ports.list({ device_id: id });
  const internal_ip = port?.fixed_ips[0]?.ip_address ?? '';
  const address = floating
    ? await demo.floatingIps.create({ floating_network_id: externalNetwork, port_id: port?.id ?? '' })
    : null;
  const management_ip = address?.floating_ip_address ?? internal_ip;
  return { name, server_id: id, internal_ip, management_ip };
}

it('servers of an OpenStack are adopted with the host keys on their consoles, and stay as they are', async () => {
  const [gateway, worker] = await Promise.all([
    makeServer('old-gateway', true),
    makeServer('old-worker', false),
  ]);
  const before = bed.cloud.inventory('demo');
  const body = adoptionBody('old', key.privateKey, [
    adoptedGroup('gateway', 'debian', [gateway], { is_proxy: true }),
    adoptedGroup('worker', 'debian', [worker], { is_proxy: false }),
  ]);
  const begun = await wadi.request('POST', '/v2/adoptions', body);
  expect([begun.status, begun.body.adoption?.status]).toEqual([202, 'Validating']);
  let adoption: Answer['body'];
  for (const deadline = performance.now() + 60_000; performance.now() < deadline; await sleep(100)) {
    adoption = (await wadi.request('GET', `/v2/adoptions/${body.id}`)).body.adoption;
    if (adoption.status === 'Error' || adoption.key === 'own') break;
  }
  expect(adoption).toMatchObject({
    ...{ status: 'Active', status_description: '', key: 'own', key_problems: [] },
    host_keys: { cloud: 2, given: 0, 'first-contact': 0, unknown: 0 },
  });
  const { instances } = (await wadi.request('GET', `/v2/clusters/${body.id}/instances`)).body;
  expect(instances.map((each: Answer['body']) => [each.name, each.host_key.source, each.route.text])).toEqual(
    [
      ['old-gateway', 'cloud', 'tcp > old-gateway'],
      ['old-worker', 'cloud', 'tcp > old-gateway > old-worker'],
    ],
  );
  const run = await wadi.run(body.id, { command: 'hostname' });
  expect((await wadi.output(run, 'old-worker')).toString()).toBe('old-worker\n');
  expect(bed.cloud.inventory('demo')).toEqual(before);

  await wadi.deleted(body.id);
  expect(bed.cloud.inventory('demo')).toEqual(before);
  // Given back: who made them gets in again.
  const again = await wadi.request('POST', '/v2/adoptions', body);
  expect(again.status).toBe(202);
  expect((await wadi.settled(body.id)).status_description).toBe('');
  await wadi.deleted(body.id);
});
