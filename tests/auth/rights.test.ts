import { randomUUID } from 'node:crypto';
import { type Right, type Role, rights, roles } from '@wadi/api';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Resource } from '../../packages/controller/src/http/context.ts';
import { hashToken, insertToken } from '../../packages/controller/src/storage/api-tokens.ts';
import { openStorage, type Storage } from '../set-up/open-storage.ts';
import { serveAllRoutes } from '../set-up/serve-all-routes.ts';

/** Said once more here, so that a change of the code's own table is noticed. */
const may: Record<Role, Record<Right, boolean>> = {
  reader: { view: true, run: false, root: false, shell: false, tunnel: false, admin: false },
  member: { view: true, run: true, root: false, shell: true, tunnel: true, admin: false },
  admin: { view: true, run: true, root: true, shell: true, tunnel: true, admin: true },
};

let storage: Storage;
let app: FastifyInstance;
let logged: () => string;

beforeAll(async () => {
  storage = await openStorage();
  ({ app, logged } = await serveAllRoutes(storage));
  await app.listen({ host: '127.0.0.1', port: 0 });
});

afterAll(async () => {
  await app?.close();
  await storage?.close();
});

async function addToken(role: Role, only: Right[] | null, project = 'default'): Promise<string> {
  const token = `token-${randomUUID()}`;
  await insertToken(storage.db, {
    id: randomUUID(),
    project_id: project,
    name: 'test',
    role,
    rights: only,
    hash: hashToken(token),
    expires_at: null,
  });
  return token;
}

async function ask(token: string, method: string, path: string, body: unknown = {}) {
  const { port } = app.server.address() as { port: number };
  const withBody = !['GET', 'HEAD', 'OPTIONS'].includes(method);
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: { 'X-Auth-Token': token, ...(withBody ? { 'Content-Type': 'application/json' } : {}) },
    body: withBody ? JSON.stringify(body) : null,
  });
  const text = await answer.text();
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of an answer by using it.
  return { status: answer.status, body: (text === '' || method === 'HEAD' ? {} : safe(text)) as any };
}

function safe(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const target = (url: string) => url.replaceAll(/:[A-Za-z_]+|\*/g, () => randomUUID());

describe('every route of the server', () => {
  test('is there and has a right', () => {
    const routes = app.guardedRoutes.map(({ method, url, right }) => `${method} ${url}: ${right}`);
    expect(routes.length).toBeGreaterThan(40);
    for (const one of [
      'GET /v2/clusters: view',
      'POST /v2/clusters: run',
      'GET /v2/clusters/:cluster/machines: view',
      'POST /v2/clusters/:cluster/machines: run',
      'DELETE /v2/clusters/:cluster/machines/:name: run',
      'GET /v2/clusters/:cluster/explain: view',
      'POST /v2/clusters/:cluster/explain: run',
      'GET /v2/clusters/:cluster/instances/:instance/explain: view',
      'POST /v2/clusters/:cluster/instances/:instance/explain: run',
      'GET /v2/clusters/:cluster/access: view',
      'PUT /v2/clusters/:cluster/access: run',
      'POST /v2/clusters/:cluster/instances/:instance/agent: run',
      'GET /v2/clusters/:cluster/proxies: view',
      'POST /v2/clusters/:cluster/proxies/:proxy/drain: run',
      'POST /v2/clusters/:cluster/proxies/:proxy/readmit: run',
      'POST /v2/clusters/:cluster/proxies/:proxy/promote: run',
      'GET /v2/clusters/:cluster/runs/:run/output: run',
      'POST /v2/clusters/:cluster/uploads: shell',
      'PATCH /v2/clusters/:cluster/uploads/:upload: shell',
      'DELETE /v2/clusters/:cluster/uploads/:upload: shell',
      'GET /v2/clusters/:cluster/instances/:instance/file: shell',
      'GET /v2/clusters/:cluster/instances/:instance/http/:port/*: tunnel',
      'PATCH /v2/projects/:id: admin',
      'GET /v2/keys: admin',
      'POST /v2/keys/rotate: admin',
    ])
      expect(routes).toContain(one);
  });

  const pairs = roles.flatMap((role) => rights.map((right) => [role, right] as const));
  test.each(pairs)('answers a %s that may only %s exactly where the table says so', async (role, right) => {
    const token = await addToken(role, [right]);
    for (const route of app.guardedRoutes) {
      const { status } = await ask(token, route.method, target(route.url));
      const allowed = route.right === right && may[role][right];
      const where = `${role}/${right} ${route.method} ${route.url} (${route.right}) answered ${status}`;
      expect(status, where).not.toBe(401);
      expect(status === 403, where).toBe(!allowed);
      if (allowed) expect(status, where).not.toBe(500);
    }
  });

  test('may be asked for with all the rights that a role has', async () => {
    for (const role of roles) {
      const token = await addToken(role, null);
      for (const route of app.guardedRoutes) {
        const { status } = await ask(token, route.method, target(route.url));
        expect(status === 403, `${role} ${route.method} ${route.url} answered ${status}`).toBe(
          !may[role][route.right],
        );
      }
    }
  });

  test('keeps the server from starting when nobody said what it wants', async () => {
    const unknown: Resource = (scope) => {
      scope.get('/v2/new-thing', async () => ({}));
    };
    await expect(serveAllRoutes(storage, [unknown])).rejects.toThrow('GET /v2/new-thing');
  });
});

test.each(['limit=1.5', 'after=0.5', 'limit=0', 'after=-1', 'limit=1&limit=2', 'after=1e3'])(
  'the audit log refuses %s',
  async (query) => {
    const answer = await ask(await addToken('admin', null), 'GET', `/v2/audit?${query}`);
    expect([answer.status, answer.body.error_name]).toEqual([400, 'INVALID_DATA']);
  },
);

test('what somebody put into the wrong field is told to them, not to the log', async () => {
  const secret = `-----BEGIN PRIVATE KEY----- ${randomUUID()}`;
  const body = { name: 'x', plugin_name: 'bare', plugin_version: '1.0', is_public: secret };
  const answer = await ask(await addToken('member', null), 'POST', '/v2/clusters', body);
  expect([answer.status, answer.body.error_name]).toEqual([400, 'VALIDATION_ERROR']);
  expect(answer.body.error_message).toContain(secret);
  expect(logged()).toContain(answer.body.error_id);
  expect(logged()).not.toContain(secret);
});

describe('tokens', () => {
  test('are printed once, stored hashed, valid for 90 days, listed without their secret, revoked at once', async () => {
    const admin = await addToken('admin', null);
    const made = await ask(admin, 'POST', '/v2/tokens', { name: 'ci', role: 'member', rights: ['view'] });
    expect(made.status).toBe(201);
    const { secret, token } = made.body;
    expect(token).toMatchObject({ name: 'ci', project_id: 'default', role: 'member', rights: ['view'] });
    const days = (Date.parse(token.expires_at) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(89.9);
    expect(days).toBeLessThan(90.1);
    expect((await ask(secret, 'GET', '/v2/clusters')).status).toBe(200);
    expect((await ask(secret, 'POST', '/v2/clusters')).status).toBe(403);
    const list = await ask(admin, 'GET', '/v2/tokens');
    expect(JSON.stringify(list.body)).not.toContain(secret);
    const listed = list.body.tokens.find((each: { id: string }) => each.id === token.id);
    expect(listed).toMatchObject({ revoked_at: null, last_used_at: expect.any(String) });
    const rows = await storage.db.selectFrom('api_token').selectAll().where('id', '=', token.id).execute();
    expect(JSON.stringify(rows)).not.toContain(secret);
    const revoked = await ask(admin, 'POST', `/v2/tokens/${token.id}/revoke`);
    expect(revoked.body.token.revoked_at).toEqual(expect.any(String));
    expect((await ask(secret, 'GET', '/v2/clusters')).status).toBe(401);
    const log = String((await ask(admin, 'GET', '/v2/audit')).body);
    for (const action of ['token.create', 'token.revoke'])
      expect(log).toMatch(new RegExp(`"action":"${action}".*"source":"127.0.0.1".*"id":"${token.id}"`));
    expect(log).not.toContain(secret);
  });

  test.each([
    [{ name: 'x', role: 'reader', rights: ['run'] }, 'rights'],
    [{ name: 'x', role: 'owner' }, 'role'],
    [{ name: '', role: 'reader' }, 'name'],
    [{ name: 'x', role: 'reader', expires_in_days: 0 }, 'expires_in_days'],
    [{ name: 'x', role: 'reader', colour: 'blue' }, 'colour'],
  ])('%j is refused, with the field', async (body, field) => {
    const answer = await ask(await addToken('admin', null), 'POST', '/v2/tokens', body);
    expect(answer.status).toBe(400);
    expect(answer.body.error_message).toContain(field);
  });

  test('never have more rights than the one that makes them, and grant none', async () => {
    const maker = await addToken('admin', ['view', 'admin']);
    for (const body of [
      { role: 'admin' },
      { role: 'member' },
      { role: 'member', rights: ['view', 'root'] },
      { role: 'admin', rights: ['admin', 'run'] },
    ]) {
      const refused = await ask(maker, 'POST', '/v2/tokens', { name: 'more', ...body });
      expect([refused.status, refused.body.error_name], JSON.stringify(body)).toEqual([403, 'FORBIDDEN']);
    }
    for (const body of [{ role: 'reader' }, { role: 'admin', rights: ['view', 'admin'] }])
      expect((await ask(maker, 'POST', '/v2/tokens', { name: 'same', ...body })).status).toBe(201);
    const grant = (member_root: boolean) => ask(maker, 'PATCH', '/v2/projects/default', { member_root });
    expect((await grant(true)).status).toBe(403);
    expect((await grant(false)).status).toBe(200);
    const project = { id: `p-${randomUUID().slice(0, 8)}`, member_root: true };
    expect((await ask(maker, 'POST', '/v2/projects', project)).status).toBe(403);
  });

  test('that were given in place of their id are not repeated, nor written to the log', async () => {
    const admin = await addToken('admin', null);
    const answer = await ask(admin, 'POST', `/v2/tokens/${admin}/revoke`);
    expect(answer.status).toBe(404);
    expect(answer.body.hint).toContain('id');
    expect(JSON.stringify(answer.body)).not.toContain(admin);
    expect(logged()).toContain(answer.body.error_id);
    expect(logged()).not.toContain(admin);
  });

  test('of another project are out of reach of an admin who is not of the first one', async () => {
    const operator = await addToken('admin', null);
    const project = `p-${randomUUID().slice(0, 8)}`;
    expect((await ask(operator, 'POST', '/v2/projects', { id: project })).status).toBe(201);
    expect((await ask(operator, 'POST', '/v2/projects', { id: project })).status).toBe(409);
    const owner = await addToken('admin', null, project);
    const request = { name: 'x', role: 'reader' };
    expect((await ask(owner, 'POST', '/v2/tokens', request)).body.token.project_id).toBe(project);
    expect((await ask(owner, 'POST', '/v2/tokens', { ...request, project: 'default' })).status).toBe(404);
    expect((await ask(owner, 'POST', '/v2/projects', { id: 'more' })).status).toBe(403);
    const { tokens } = (await ask(owner, 'GET', '/v2/tokens')).body;
    expect(tokens.every((each: { project_id: string }) => each.project_id === project)).toBe(true);
    const foreign = (await ask(operator, 'POST', '/v2/tokens', request)).body.token.id;
    expect((await ask(owner, 'POST', `/v2/tokens/${foreign}/revoke`)).status).toBe(404);
    expect((await ask(owner, 'PATCH', '/v2/projects/default', { member_root: true })).status).toBe(404);
    const { projects } = (await ask(owner, 'GET', '/v2/projects')).body;
    expect(projects.map((each: { id: string }) => each.id)).toEqual([project]);
  });
});
