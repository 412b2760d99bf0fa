import { loadCloud, OpenStack, Secret } from '@wadi/openstack';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Keystone, startKeystone } from '../set-up/keystone.ts';
import { plantSecret } from '../set-up/run-folder.ts';

/** Milliseconds; the machine may be busy with everything else. */
const patience = 600_000;
let keystone: Keystone;
const open: OpenStack[] = [];

beforeAll(async () => {
  keystone = await startKeystone();
}, patience);
afterAll(async () => {
  await Promise.all(open.map((client) => client.close()));
  await keystone?.stop();
});

/** As one of Keystone's users, with what a user has in the environment. */
function as(name: string, changes: Record<string, string> = {}): OpenStack {
  const { password, project } = keystone.users[name] as { password: string; project: string };
  const environment = {
    OS_AUTH_URL: keystone.url,
    OS_USERNAME: name,
    OS_PASSWORD: password,
    OS_PROJECT_NAME: project,
    OS_DEFAULT_DOMAIN: 'default',
    ...changes,
  };
  const client = new OpenStack(loadCloud({ environment }));
  open.push(client);
  return client;
}

test('a real Keystone lets a user in, and says who that is', async () => {
  const member = as('member');
  expect(await member.identity()).toMatchObject({
    user: { name: 'member' },
    project: { name: 'demo', id: keystone.projects.demo },
    roles: expect.arrayContaining([expect.objectContaining({ name: 'member' })]),
  });
  expect((await member.directory.ownProjects()).map(({ name }) => name)).toEqual(['demo']);
  const { user } = await member.identity();
  expect(await member.directory.user(user.id)).toMatchObject({ name: 'member', enabled: true });
});

test('a wrong password is refused in words that help', async () => {
  await expect(as('member', { OS_PASSWORD: 'wrong' }).identity()).rejects.toMatchObject({
    code: 'AUTHENTICATION_FAILED',
    status: 401,
    said: 'The request you have made requires authentication.',
    requestId: expect.stringMatching(/^req-/),
  });
});

test('an application credential acts for its project until it is deleted', async () => {
  const member = as('member');
  const { user } = await member.identity();
  const made = await member.applicationCredentials.create(user.id, {
    name: 'wadi',
    roles: [{ name: 'member' }],
    expires_at: new Date(Date.now() + 3_600_000),
  });
  plantSecret('secret of an application credential', made.secret.reveal());
  expect(made.credential).toMatchObject({ name: 'wadi', project_id: keystone.projects.demo });
  const again = member.applicationCredentials.create(user.id, { name: 'wadi' });
  await expect(again).rejects.toMatchObject({ code: 'CONFLICT' });

  const { id } = made.credential;
  const acting = member.actingAs({ kind: 'application_credential', credential: { id }, secret: made.secret });
  expect(await acting.identity()).toMatchObject({ user: { id: user.id }, project: { name: 'demo' } });
  expect(await acting.directory.ownProjects()).toHaveLength(1);
  const made2 = acting.applicationCredentials.create(user.id, { name: 'more' });
  await expect(made2).rejects.toMatchObject({ code: 'FORBIDDEN' });

  expect(await member.applicationCredentials.get(user.id, id)).toMatchObject({ name: 'wadi' });
  expect(await member.applicationCredentials.list(user.id, { name: 'wadi' })).toHaveLength(1);
  await member.applicationCredentials.delete(user.id, id);
  await member.applicationCredentials.delete(user.id, id, { missingOk: true });
  await expect(member.applicationCredentials.delete(user.id, id)).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  // Keystone itself says of a token of it that it is not there; so does every service after the next login.
  await expect(acting.directory.ownProjects()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  const later = member.actingAs({ kind: 'application_credential', credential: { id }, secret: made.secret });
  await expect(later.identity()).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' });
});

test('a trust lets another user act in the project, in the name of who made it', async () => {
  const member = as('member');
  const wadi = as('wadi');
  const [trustor, trustee] = [await member.identity(), await wadi.identity()];
  const trust = await member.trusts.create({
    trustor_user_id: trustor.user.id,
    trustee_user_id: trustee.user.id,
    project_id: trustor.project?.id ?? '',
    impersonation: true,
    roles: [{ name: 'member' }],
    expires_at: new Date(Date.now() + 3_600_000),
  });
  const acting = wadi.byTrust(trust.id);
  expect(await acting.identity()).toMatchObject({ user: { name: 'member' }, project: { name: 'demo' } });
  expect(await member.trusts.get(trust.id)).toMatchObject({ impersonation: true });
  const own = await member.trusts.list({ trustor_user_id: trustor.user.id });
  expect(own.map(({ id }) => id)).toEqual([trust.id]);
  await member.trusts.delete(trust.id);
  await member.trusts.delete(trust.id, { missingOk: true });
  expect(await member.trusts.get(trust.id)).toBeNull();
  await expect(wadi.byTrust(trust.id).identity()).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' });
});

test('a token of an application credential, for which there is no other one, is used as it is', async () => {
  const member = as('member');
  const { user } = await member.identity();
  const made = await member.applicationCredentials.create(user.id, {
    name: 'as it is',
    roles: [{ name: 'member' }],
  });
  plantSecret('secret of an application credential', made.secret.reveal());
  const credential = { id: made.credential.id, secret: made.secret.reveal() };
  const answer = await fetch(`${keystone.url}/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      auth: { identity: { methods: ['application_credential'], application_credential: credential } },
    }),
  });
  const token = answer.headers.get('x-subject-token') ?? '';
  expect(answer.status, await answer.text()).toBe(201);
  plantSecret('token of an application credential', token);
  const acting = member.actingAs({ kind: 'issued', token: new Secret(token) });
  expect(await acting.identity()).toMatchObject({ user: { id: user.id }, project: { name: 'demo' } });
  expect(await acting.directory.ownProjects()).toHaveLength(1);
  const wrong = member.actingAs({ kind: 'issued', token: new Secret('gAAAAAwrong') });
  await expect(wrong.identity()).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' });
  await member.applicationCredentials.delete(user.id, made.credential.id);
});

test('a token is good for a session, and what is not there is said by what there is', async () => {
  const token = await keystone.logIn('member');
  const member = as('member').actingAs({ kind: 'token', token: new Secret(token), scope: null });
  expect(await member.identity()).toMatchObject({ user: { name: 'member' } });
  expect(await member.has('compute')).toBe(false);
  await expect(member.servers.list()).rejects.toMatchObject({ code: 'NO_ENDPOINT', service: 'compute' });
});
