import assert from 'node:assert/strict';
import { Secret } from '@wadi/openstack';
import type { Stage } from '../stage.ts';
import { player } from '../users.ts';
import { refused, unknownId } from './refused.ts';

/** Who one is, what the catalog has, and what one may see of others. */
export async function login({ openstack, stranger }: Stage): Promise<void> {
  const { user, project, roles } = await openstack.identity();
  assert.equal(user.name, player);
  assert.equal(project?.name, player);
  assert.ok(roles.some(({ name }) => name === 'member'));
  assert.equal(await openstack.has('compute'), true);
  assert.equal(await openstack.has('block-storage'), false);
  await assert.rejects(openstack.volumes.list(), { code: 'NO_ENDPOINT' });

  const [own, ...others] = await openstack.directory.ownProjects();
  assert.equal(own?.id, project.id);
  assert.equal(others.length, 0);
  assert.equal((await openstack.directory.project(project.id))?.name, player);
  assert.equal((await openstack.directory.user(user.id))?.enabled, true);
  // Whoever is no administrator is not told whether there is such a one.
  await refused(openstack.directory.project(unknownId), 'FORBIDDEN');
  await refused(openstack.directory.user((await stranger.identity()).user.id), 'FORBIDDEN');
  await refused(openstack.directory.user(unknownId), 'FORBIDDEN');

  const domain = { id: 'default' };
  const scope = { kind: 'project', project: { id: project.id } } as const;
  const named = { name: player, domain };
  const wrong = openstack.actingAs({ kind: 'password', user: named, password: new Secret('wrong'), scope });
  await refused(wrong.identity(), 'AUTHENTICATION_FAILED', 'Unauthorized');
  const spoilt = openstack.actingAs({ kind: 'token', token: new Secret('spoilt'), scope });
  await refused(spoilt.identity(), 'AUTHENTICATION_FAILED');
}
