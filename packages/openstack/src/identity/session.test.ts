import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { Type } from 'typebox';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Secret } from '../secret.ts';
import { password, TestCloud } from '../test-cloud.ts';

const servers = 'GET /compute/v2.1/servers';
const request = { method: 'GET', path: ['servers'] } as const;
let cloud: TestCloud;

beforeEach(async () => {
  cloud = await TestCloud.start();
  cloud.on(servers, () => ({ body: { servers: [] } }));
});
afterEach(() => cloud.stop());

test('one login serves all that come at once and after it', async () => {
  const compute = cloud.client().service('compute');
  await Promise.all(Array.from({ length: 20 }, () => compute.tell(request)));
  await compute.tell(request);
  expect(cloud.logins).toBe(1);
  expect(cloud.requests(servers)).toHaveLength(21);
  const [login] = cloud.requests('POST /identity/v3/auth/tokens');
  expect(login?.body.auth).toEqual({
    identity: {
      methods: ['password'],
      password: { user: { name: 'demo', domain: { id: 'default' }, password } },
    },
    scope: { project: { name: 'demo', domain: { id: 'default' } } },
  });
});

test('a token that services refuse is renewed once for all, and each request is repeated once', async () => {
  const compute = cloud.client().service('compute');
  await compute.tell(request);
  cloud.tokens.clear();
  await Promise.all(Array.from({ length: 30 }, () => compute.tell(request)));
  expect(cloud.logins).toBe(2);
  expect(cloud.requests(servers)).toHaveLength(61);
});

test('a POST is repeated after a refused token: nothing was done', async () => {
  const compute = cloud.client().service('compute');
  await compute.tell(request);
  cloud.tokens.clear();
  cloud.on('POST /compute/v2.1/servers', () => ({ status: 202, body: { server: { id: 'one' } } }));
  await compute.tell({ method: 'POST', path: ['servers'], body: { server: {} } });
  expect(cloud.requests('POST /compute/v2.1/servers')).toHaveLength(2);
});

test('a service that refuses the new token too ends the call: one login, no more', async () => {
  const refuse = { status: 401, body: { error: { code: 401, title: 'Unauthorized', message: 'no' } } };
  cloud.on(servers, () => refuse);
  await expect(cloud.client().service('compute').tell(request)).rejects.toMatchObject({
    code: 'AUTHENTICATION_FAILED',
    status: 401,
    service: 'compute',
  });
  expect(cloud.logins).toBe(2);
  expect(cloud.requests(servers)).toHaveLength(2);
});

test('a token is renewed before it ends, by the time that Keystone gives it', async () => {
  cloud.tokenLifetime = 1;
  const compute = cloud.client().service('compute');
  await compute.tell(request);
  const before = cloud.logins;
  await sleep(1000);
  await compute.tell(request);
  expect(cloud.logins).toBeGreaterThan(before);
  expect(cloud.requests(servers).at(-1)?.headers['x-auth-token']).toBe(`gAAAAA-token-${cloud.logins}`);
});

test('a wrong password is asked for once, however many come, and not again at once', async () => {
  const credential = { ...cloud.config.credential, password: new Secret('wrong') } as never;
  const client = cloud.client({}, { credential });
  const results = await Promise.allSettled(
    Array.from({ length: 10 }, () => client.service('compute').tell(request)),
  );
  for (const result of results) expect(result).toMatchObject({ reason: { code: 'AUTHENTICATION_FAILED' } });
  await expect(client.identity()).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' });
  expect(cloud.requests('POST /identity/v3/auth/tokens')).toHaveLength(1);
});

test('a Keystone that does not answer holds a call no longer than its own deadline; closing ends the login', async () => {
  cloud.on('POST /identity/v3/auth/tokens', () => undefined);
  const client = cloud.client();
  const waiting = client.identity().catch((reason: unknown) => reason);
  const call = client.service('compute').tell({ ...request, limits: { deadline: 200 } });
  await expect(call).rejects.toMatchObject({ code: 'TIMEOUT', service: 'compute' });
  await client.close();
  expect(await waiting).toMatchObject({ code: 'CLOSED' });
  await expect(client.identity()).rejects.toMatchObject({ code: 'CLOSED' });
});

test.each([401, 403, 404])(
  'a login that is answered %d is refused, whatever it is called',
  async (status) => {
    const message = 'Could not find Application Credential: abc.';
    cloud.on('POST /identity/v3/auth/tokens', () => ({
      status,
      body: { error: { code: status, title: 'x', message } },
    }));
    await expect(cloud.client().identity()).rejects.toMatchObject({
      code: 'AUTHENTICATION_FAILED',
      status,
      said: message,
    });
  },
);

test('a Keystone that quotes what it was sent does not put the password into the error', async () => {
  cloud.on('POST /identity/v3/auth/tokens', ({ text, body }) => ({
    status: 400,
    body: {
      error: { code: 400, title: 'Bad Request', message: `${text} is not valid: ${JSON.stringify(body)}` },
    },
  }));
  const error = await cloud
    .client()
    .identity()
    .catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'BAD_REQUEST', said: expect.stringContaining('[secret]') });
  expect(inspect(error, { depth: 8, showHidden: true })).not.toMatch(/horse|battery|staple/);
});

test('a token in an answer that cannot be read is not in the error', async () => {
  cloud.on('GET /compute/v2.1/servers', ({ headers }) => ({ body: `{"echo": ${headers['x-auth-token']}` }));
  const error = await cloud
    .client()
    .service('compute')
    .ask(Type.Any(), request)
    .catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'INVALID_ANSWER' });
  expect(inspect(error, { depth: 8, showHidden: true })).not.toContain('gAAAAA');
});

test('whoever gives up waiting leaves the login to the others', async () => {
  const client = cloud.client();
  const [given, kept] = await Promise.allSettled([
    client.service('compute').tell({ ...request, signal: AbortSignal.abort(new Error('enough')) }),
    client.service('compute').tell(request),
  ]);
  expect(given).toMatchObject({ reason: { code: 'CANCELLED' } });
  expect(kept.status).toBe('fulfilled');
});

test.each([
  [
    { kind: 'application_credential', credential: { id: 'abc' }, secret: new Secret('s') } as const,
    { identity: { methods: ['application_credential'], application_credential: { id: 'abc', secret: 's' } } },
  ],
  [
    { kind: 'token', token: new Secret('t'), scope: null } as const,
    { identity: { methods: ['token'], token: { id: 't' } } },
  ],
  [
    {
      kind: 'token',
      token: new Secret('t'),
      scope: { kind: 'trust', trustId: 'of-demo' },
    } as const,
    { identity: { methods: ['token'], token: { id: 't' } }, scope: { 'OS-TRUST:trust': { id: 'of-demo' } } },
  ],
])('a login by %o', async (credential, auth) => {
  const client = cloud.client().actingAs(credential);
  expect(await client.identity()).toMatchObject({ user: { name: 'demo' }, project: { name: 'demo' } });
  expect(cloud.requests('POST /identity/v3/auth/tokens')[0]?.body.auth).toEqual(auth);
});

test('a token is used as it is, for what it was issued for, and no other is asked for', async () => {
  cloud.tokens.add('gAAAAA-given');
  const token = new Secret('gAAAAA-given');
  const client = cloud.client({}, { credential: { kind: 'issued', token } });
  await client.service('compute').tell(request);
  expect(cloud.requests(servers)[0]?.headers['x-auth-token']).toBe('gAAAAA-given');
  cloud.tokens.clear();
  await expect(client.service('compute').tell(request)).rejects.toMatchObject({
    code: 'AUTHENTICATION_FAILED',
  });
  expect(cloud.logins).toBe(0);
});

test('an answer to a login that is none is said to be that', async () => {
  cloud.on('POST /identity/v3/auth/tokens', () => ({ status: 201, body: { token: {} } }));
  await expect(cloud.client().identity()).rejects.toMatchObject({ code: 'INVALID_ANSWER' });
  const answer = { status: 201, headers: { 'x-subject-token': 'x' }, body: { token: [] } };
  cloud.on('POST /identity/v3/auth/tokens', () => answer);
  const asked = cloud.client().service('compute').ask(Type.Any(), request);
  await expect(asked).rejects.toThrow('token must be object');
});
