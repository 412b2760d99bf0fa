import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import type { Stage } from '../stage.ts';
import { refused, unknownId } from './refused.ts';

export async function images({ openstack, freshId: ownId, after }: Stage): Promise<void> {
  const wanted = {
    id: ownId,
    name: 'contract: one, two',
    disk_format: 'raw',
    container_format: 'bare',
    visibility: 'private',
    tags: ['contract', 'one'],
    min_disk: 1,
    min_ram: 64,
    properties: { os_distro: 'debian' },
  } as const;
  after(() => openstack.images.delete(ownId, { missingOk: true }));
  const made = await openstack.images.create(wanted);
  assert.deepEqual([made.status, made.size, made.min_ram, made.os_distro], ['queued', null, 64, 'debian']);
  await refused(openstack.images.create(wanted), 'CONFLICT');
  await openstack.images.upload(ownId, () => Readable.from(['not really a disk\n']));
  const image = await openstack.images.get(ownId);
  assert.deepEqual([image?.status, image?.size], ['active', 18]);
  await refused(
    openstack.images.upload(ownId, () => Readable.from(['again\n'])),
    'CONFLICT',
  );

  const filters = [
    { name: wanted.name },
    { tags: ['contract', 'one'] },
    { tags: ['contract'], status: 'active', visibility: 'private' },
  ];
  for (const filter of filters)
    assert.deepEqual(
      (await openstack.images.list(filter)).map(({ id }) => id),
      [ownId],
    );
  assert.deepEqual(await openstack.images.list({ tags: ['contract', 'two'] }), []);
  assert.equal(await openstack.images.get(unknownId), null);

  await openstack.images.delete(ownId);
  await refused(openstack.images.delete(ownId), 'NOT_FOUND');
  await openstack.images.delete(ownId, { missingOk: true });
  assert.equal(await openstack.images.get(ownId), null);
  // Glance does not forget what it had.
  await refused(openstack.images.create(wanted), 'CONFLICT');
}
