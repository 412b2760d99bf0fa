import assert from 'node:assert/strict';
import { Type } from 'typebox';
import type { Stage } from '../stage.ts';
import { publicKey } from './keypairs.ts';
import { refused, unknownId } from './refused.ts';

const Named = Type.Object({ name: Type.String() });
const names = ['contract-1', 'contract-2', 'contract-3'];

/** What is not typed, and listings of more than a page, each service with its own kind of link to the next one. */
export async function pages({ openstack, after }: Stage): Promise<void> {
  const [compute, network, image] = [
    openstack.service('compute'),
    openstack.service('network'),
    openstack.service('image'),
  ];
  const offered = await compute.microversions();
  assert.match(offered?.lowest ?? '', /^2\.1$/);
  assert.equal(await network.microversions(), null);
  for (const name of names) {
    after(() => openstack.keypairs.delete(name, { missingOk: true }));
    await openstack.keypairs.import(name, publicKey);
    const group = await openstack.securityGroups.create({ name });
    after(() => network.remove(['security-groups', group.id], { missingOk: true }));
    const wanted = { name, disk_format: 'raw', container_format: 'bare', tags: ['contract-page'] };
    const { id } = await openstack.images.create(wanted);
    after(() => openstack.images.delete(id, { missingOk: true }));
  }
  const microversion = { needed: '2.35', use: 'key pairs in pages' } as const;
  const pairs = await compute.list('keypairs', Type.Object({ keypair: Named }), {
    path: ['os-keypairs'],
    query: { limit: 1 },
    microversion,
  });
  assert.deepEqual(
    pairs.map(({ keypair }) => keypair.name),
    names,
  );
  const groups = await network.list('security_groups', Named, {
    path: ['security-groups'],
    query: { limit: 2, sort_key: 'name', sort_dir: 'asc', fields: ['name', 'id'] },
  });
  assert.deepEqual(
    groups.map(({ name }) => name).filter((name) => names.includes(name)),
    names,
  );
  const images = await image.list('images', Named, {
    path: ['images'],
    query: { limit: 2, tag: ['contract-page'], sort: 'name:asc' },
  });
  assert.deepEqual(
    images.map(({ name }) => name),
    names,
  );

  const path = ['os-keypairs', 'contract-1'];
  const Pair = Type.Object({ keypair: Named });
  assert.equal((await compute.ask(Pair, { method: 'GET', path })).keypair.name, 'contract-1');
  assert.equal(await compute.find(Pair, { method: 'GET', path: ['os-keypairs', 'none'] }), null);
  await compute.tell({ method: 'DELETE', path });
  await refused(
    compute.tell({ method: 'DELETE', path: ['servers', unknownId] }),
    'NOT_FOUND',
    'itemNotFound',
  );
  const newest = { needed: '2.9999', use: 'what no cloud has' } as const;
  await assert.rejects(compute.tell({ method: 'GET', path: ['servers'], microversion: newest }), {
    code: 'MICROVERSION_UNSUPPORTED',
  });
}
