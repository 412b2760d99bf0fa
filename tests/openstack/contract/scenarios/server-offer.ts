import assert from 'node:assert/strict';
import type { Stage } from '../stage.ts';

export interface Offer {
  readonly flavorRef: string;
  readonly imageRef: string;
}

/** The smallest flavor, and the smallest image that servers start from. */
export async function findOffer({ openstack }: Stage): Promise<Offer> {
  const flavors = await openstack.offers.flavors();
  const [smallest] = flavors.sort((a, b) => a.ram - b.ram);
  const images = await openstack.images.list({ visibility: 'public', status: 'active' });
  // Of kernels and memory disks the format says that they are.
  const disks = images.filter(({ disk_format }) => ['qcow2', 'raw'].includes(disk_format ?? ''));
  const [image] = disks.sort((a, b) => (a.size ?? 0) - (b.size ?? 0));
  assert.ok(smallest && image, 'the cloud has no flavor or no image');
  return { flavorRef: smallest.id, imageRef: image.id };
}

/** Until it is gone: its ports and groups cannot be deleted before. */
export async function removeServer({ openstack, until }: Stage, id: string): Promise<void> {
  await openstack.servers.delete(id, { missingOk: true });
  await until(
    () => openstack.servers.get(id),
    (server) => server === null,
  );
}
