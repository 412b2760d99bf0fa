import assert from 'node:assert/strict';
import type { Server } from '@wadi/openstack';
import type { Stage } from '../stage.ts';
import { publicKey } from './keypairs.ts';
import { makeNetwork } from './make-network.ts';
import { refused, unknownId } from './refused.ts';
import { findOffer, removeServer } from './server-offer.ts';

/** The life of a server with all that it can be made with. */
export async function servers(stage: Stage): Promise<void> {
  const { openstack, after, until } = stage;
  const offer = await findOffer(stage);
  const { network } = await makeNetwork(stage);
  after(() => openstack.keypairs.delete('contract', { missingOk: true }));
  await openstack.keypairs.import('contract', publicKey);
  const address = { fixed_ips: [{ ip_address: '192.0.2.10' }] };
  const port = await openstack.ports.create({ network_id: network.id, name: 'contract', ...address });
  after(() => openstack.ports.delete(port.id, { missingOk: true }));

  const id = await openstack.servers.create({
    ...offer,
    name: 'contract.one',
    networks: [{ port: port.id }],
    key_name: 'contract',
    user_data: '#!/bin/sh\necho "ä"\n',
    config_drive: true,
    metadata: { cluster: 'one' },
    tags: ['contract', 'one: 1', 'fünf', 'contract'],
    availability_zone: 'nova',
  });
  after(() => removeServer(stage, id));
  const read = async () => (await openstack.servers.get(id)) as Server;
  const is = (status: string) => (server: Server) =>
    server.status === status && server['OS-EXT-STS:task_state'] === null;
  const server = await until(read, is('ACTIVE'));
  assert.deepEqual([server.metadata, server.key_name], [{ cluster: 'one' }, 'contract']);
  assert.deepEqual([...server.tags].sort(), ['contract', 'fünf', 'one: 1']);
  assert.equal(server.addresses.contract?.[0]?.addr, '192.0.2.10');
  assert.deepEqual(
    (await openstack.ports.list({ device_id: id })).map((one) => one.id),
    [port.id],
  );

  for (const tag of ['later', 'a?b#%41', 'later']) await openstack.servers.addTag(id, tag);
  await assert.rejects(openstack.servers.addTag(id, 'fünf'), { code: 'INVALID_ARGUMENT' });
  const filters = [
    { tags: ['contract', 'later'] },
    { tags: ['fünf', 'a?b#%41'] },
    { metadata: { cluster: 'one' } },
    { name: 'contract.one' },
    { status: 'ACTIVE' },
  ];
  for (const filter of filters)
    assert.deepEqual(
      (await openstack.servers.list(filter)).map((one) => one.id),
      [id],
    );
  for (const filter of [{ tags: ['later', 'none'] }, { name: 'contract' }, { status: 'SHUTOFF' }])
    assert.deepEqual(await openstack.servers.list(filter), []);
  await until(
    () => openstack.servers.consoleLog(id),
    (log) => log.trim() !== '',
  );
  const lines = (await openstack.servers.consoleLog(id, { lines: 1 })).trimEnd().split('\n');
  assert.equal(lines.length, 1);

  await refused(openstack.servers.start(id), 'CONFLICT', 'conflictingRequest');
  await openstack.servers.stop(id);
  const off = await until(read, is('SHUTOFF'));
  assert.equal(off['OS-EXT-STS:power_state'], 4);
  assert.equal(await openstack.servers.consoleLog(id), '');
  await refused(openstack.servers.stop(id), 'CONFLICT', 'conflictingRequest');
  await refused(openstack.servers.reboot(id, 'SOFT'), 'CONFLICT', 'conflictingRequest');
  await openstack.servers.start(id);
  await until(read, is('ACTIVE'));
  for (const type of ['HARD', 'SOFT'] as const) {
    await openstack.servers.reboot(id, type);
    await until(read, is('ACTIVE'));
  }
  await openstack.servers.delete(id);
  await until(
    () => openstack.servers.get(id),
    (gone) => gone === null,
  );
  await refused(openstack.servers.delete(id), 'NOT_FOUND', 'itemNotFound');
  await openstack.servers.delete(id, { missingOk: true });
  await refused(openstack.servers.stop(unknownId), 'NOT_FOUND', 'itemNotFound');
  await refused(openstack.servers.consoleLog(unknownId), 'NOT_FOUND', 'itemNotFound');
  await refused(openstack.servers.addTag(unknownId, 'later'), 'NOT_FOUND', 'itemNotFound');
  assert.equal(await openstack.servers.get(unknownId), null);
}
