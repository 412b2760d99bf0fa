import assert from 'node:assert/strict';
import type { Server } from '@wadi/openstack';
import { Type } from 'typebox';
import type { Stage } from '../stage.ts';
import { makeNetwork } from './make-network.ts';
import { refused, unknownId } from './refused.ts';
import { findOffer, removeServer } from './server-offer.ts';

/** Servers that are not to be had: refused at once, or built in vain. */
export async function refusedServers(stage: Stage): Promise<void> {
  const { openstack, after, until, limit } = stage;
  const wanted = { ...(await findOffer(stage)), name: 'contract', networks: 'none' } as const;
  const { network } = await makeNetwork(stage);
  const on = [{ uuid: network.id, fixed_ip: '192.0.2.20' }];
  const create = openstack.servers.create.bind(openstack.servers);
  await refused(create({ ...wanted, key_name: 'none' }), 'BAD_REQUEST', 'badRequest');
  await refused(create({ ...wanted, imageRef: unknownId }), 'BAD_REQUEST', 'badRequest');
  await refused(create({ ...wanted, flavorRef: unknownId }), 'BAD_REQUEST', 'badRequest');
  await refused(create({ ...wanted, availability_zone: 'none' }), 'BAD_REQUEST', 'badRequest');
  await refused(create({ ...wanted, hints: { group: unknownId } }), 'BAD_REQUEST', 'badRequest');
  await refused(create({ ...wanted, networks: [{ port: unknownId }] }), 'BAD_REQUEST', 'badRequest');
  const unknownGroup = [{ name: 'none' }];
  const disk = {
    boot_index: 0,
    uuid: wanted.imageRef,
    source_type: 'image',
    destination_type: 'local',
  } as const;
  const typed = [{ ...disk, volume_type: 'fast', volume_size: 1 }];
  await refused(create({ ...wanted, block_device_mapping_v2: typed }), 'BAD_REQUEST', 'badRequest');
  await refused(create({ ...wanted, networks: on, security_groups: unknownGroup }), 'BAD_REQUEST');

  after(() => limit('compute', 'instances', -1));
  await limit('compute', 'instances', 0);
  await refused(create(wanted), 'QUOTA_EXCEEDED', 'forbidden');
  await limit('compute', 'instances', -1);
  const tooMany = Object.fromEntries(Array.from({ length: 129 }, (_, n) => [`key-${n}`, 'x']));
  await refused(create({ ...wanted, metadata: tooMany }), 'QUOTA_EXCEEDED', 'forbidden');
  after(() => limit('network', 'port', -1));
  await limit('network', 'port', 0);
  await refused(create({ ...wanted, networks: on }), 'QUOTA_EXCEEDED', 'forbidden');
  await limit('network', 'port', -1);

  const group = await openstack.serverGroups.create('contract', 'anti-affinity');
  after(() => openstack.serverGroups.delete(group.id, { missingOk: true }));
  const hints = { group: group.id };
  const read = (id: string) => async () => (await openstack.servers.get(id)) as Server;
  const first = await create({
    ...wanted,
    networks: on,
    security_groups: [{ name: 'default' }],
    block_device_mapping_v2: [{ ...disk, delete_on_termination: true }],
    hints,
  });
  after(() => removeServer(stage, first));
  const made = await until(read(first), ({ status }) => status !== 'BUILD');
  assert.equal(made.status, 'ACTIVE', made.fault?.message);
  assert.equal(made.addresses.contract?.[0]?.addr, '192.0.2.20');
  assert.deepEqual((await openstack.serverGroups.get(group.id))?.members, [first]);
  // Where there is one host, no two servers are apart.
  const second = await create({ ...wanted, networks: 'auto', hints });
  after(() => removeServer(stage, second));
  const failed = await until(read(second), ({ status }) => status !== 'BUILD');
  assert.equal(failed.status, 'ERROR');
  const page = { path: ['servers'], query: { limit: 1 } };
  const pages = await openstack.service('compute').list('servers', Type.Object({ id: Type.String() }), page);
  assert.deepEqual(pages.map(({ id }) => id).sort(), [first, second].sort());
  assert.match(failed.fault?.message ?? '', /No valid host/);
  assert.equal(await openstack.servers.consoleLog(second), '');
  assert.deepEqual(
    (await openstack.servers.list({ status: 'ERROR' })).map(({ id }) => id),
    [second],
  );
}
