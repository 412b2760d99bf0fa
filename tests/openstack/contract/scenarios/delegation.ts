import assert from 'node:assert/strict';
import type { Stage } from '../stage.ts';
import { refused, unknownId } from './refused.ts';

/** Beyond the life of any recording. */
const end = new Date('2099-01-01T00:00:00Z');

/** Another user acts in the project by a trust, until that is deleted. */
export async function trusts({ openstack, stranger, after }: Stage): Promise<void> {
  const [{ user, project }, trustee] = [await openstack.identity(), await stranger.identity()];
  assert.ok(project);
  const wanted = {
    trustor_user_id: user.id,
    trustee_user_id: trustee.user.id,
    project_id: project.id,
    impersonation: true,
    roles: [{ name: 'member' }],
  };
  const trust = await openstack.trusts.create({ ...wanted, expires_at: end });
  after(() => openstack.trusts.delete(trust.id, { missingOk: true }));
  assert.equal(Date.parse(trust.expires_at ?? ''), end.getTime());
  assert.equal((await openstack.trusts.get(trust.id))?.trustee_user_id, trustee.user.id);
  assert.deepEqual(await ids(openstack.trusts.list({ trustor_user_id: user.id })), [trust.id]);
  assert.deepEqual(await ids(stranger.trusts.list({ trustee_user_id: trustee.user.id })), [trust.id]);
  assert.deepEqual(await ids(openstack.trusts.list({ trustee_user_id: user.id })), []);
  assert.equal(await openstack.trusts.get(unknownId), null);
  await refused(openstack.trusts.create({ ...wanted, roles: [{ name: 'no-such-role' }] }), 'NOT_FOUND');
  await refused(openstack.trusts.create({ ...wanted, expires_at: new Date(0) }), 'BAD_REQUEST');
  // One that there is, but this user has not.
  await refused(openstack.trusts.create({ ...wanted, roles: [{ name: 'admin' }] }), 'NOT_FOUND');

  const acting = stranger.byTrust(trust.id);
  const { user: who, project: where } = await acting.identity();
  assert.deepEqual([who.id, where?.id], [user.id, project.id]);
  assert.deepEqual(await acting.servers.list(), []);
  await refused(openstack.byTrust(trust.id).identity(), 'AUTHENTICATION_FAILED');

  await openstack.trusts.delete(trust.id);
  await refused(openstack.trusts.delete(trust.id), 'NOT_FOUND');
  await refused(stranger.byTrust(trust.id).identity(), 'AUTHENTICATION_FAILED');
}

/** The user acts without a password by a credential of one project, until that is deleted. */
export async function applicationCredentials({ openstack, after }: Stage): Promise<void> {
  const { user, project } = await openstack.identity();
  const credentials = openstack.applicationCredentials;
  const wanted = { name: 'contract', description: 'of a test', roles: [{ name: 'member' }] };
  const { credential, secret } = await credentials.create(user.id, { ...wanted, expires_at: end });
  after(() => credentials.delete(user.id, credential.id, { missingOk: true }));
  assert.equal(credential.unrestricted, false);
  assert.equal(credential.project_id, project?.id);
  assert.equal((await credentials.get(user.id, credential.id))?.name, 'contract');
  assert.deepEqual(await ids(credentials.list(user.id)), [credential.id]);
  assert.deepEqual(await ids(credentials.list(user.id, { name: 'contract' })), [credential.id]);
  assert.deepEqual(await ids(credentials.list(user.id, { name: 'none' })), []);
  assert.equal(await credentials.get(user.id, unknownId), null);
  await refused(credentials.create(user.id, wanted), 'CONFLICT');
  await refused(credentials.create(user.id, { name: 'past', expires_at: new Date(0) }), 'BAD_REQUEST');

  const kind = 'application_credential';
  const byId = openstack.actingAs({ kind, credential: { id: credential.id }, secret });
  assert.equal((await byId.identity()).project?.id, project?.id);
  const named = { name: 'contract', user: { id: user.id } };
  const byName = openstack.actingAs({ kind, credential: named, secret });
  assert.equal((await byName.identity()).user.id, user.id);
  assert.deepEqual(await byName.networks.list({ name: 'none' }), []);
  // It makes no others.
  await refused(byName.applicationCredentials.create(user.id, { name: 'second' }), 'FORBIDDEN');
  assert.throws(() => byName.byTrust(unknownId), { code: 'INVALID_ARGUMENT' });

  await credentials.delete(user.id, credential.id);
  await refused(credentials.delete(user.id, credential.id), 'NOT_FOUND');
  await refused(
    openstack.actingAs({ kind, credential: { id: credential.id }, secret }).identity(),
    'AUTHENTICATION_FAILED',
  );
}

async function ids(listing: Promise<readonly { readonly id: string }[]>): Promise<string[]> {
  return (await listing).map(({ id }) => id);
}
