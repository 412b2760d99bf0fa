import { createHash, randomUUID } from 'node:crypto';
import { ApiError } from '@wadi/api';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ownTokens } from '../../packages/controller/src/auth/own-tokens.ts';
import type { HttpContext } from '../../packages/controller/src/http/context.ts';
import { Drain } from '../../packages/controller/src/http/drain.ts';
import { createServer } from '../../packages/controller/src/http/server.ts';
import { openStorage, type Storage } from '../set-up/open-storage.ts';

let storage: Storage;
let app: FastifyInstance;
let url: string;
let logged = '';

beforeAll(async () => {
  storage = await openStorage();
  const log = pino(
    { level: 'debug' },
    {
      write(line: string) {
        logged += line;
      },
    },
  );
  const context = {
    ...storage,
    log,
    clouds: new Map(),
    stopping: new AbortController().signal,
    drain: new Drain(),
  };
  app = await createServer({
    context: context as unknown as HttpContext,
    hosts: ['wadi.example'],
    authenticator: ownTokens(storage.db, log),
    furtherRights: {
      'POST /echo': 'run',
      'DELETE /echo': 'run',
      'GET /defect': 'view',
      'GET /refusal': 'view',
      'GET /sahara': 'view',
      'POST /checked': 'run',
    },
    resources: [
      (scope) => {
        scope.post('/v2/echo', async (request) => ({
          body: request.body,
          project: request.principal.projectId,
        }));
        scope.delete('/v2/echo', async (request) => ({ body: request.body }));
        scope.get('/v2/defect', async () => {
          throw new Error('the password is hunter2');
        });
        scope.get('/v2/refusal', async () => {
          throw new ApiError(502, 'UNREACHABLE', 'worker-1 does not answer', {
            hint: 'look at its power',
            retryable: true,
            details: { hop: 'worker-1', phase: 'dial' },
          });
        });
        scope.get('/v2/images', async () => ({ images: [] }));
        scope.get('/v2/sahara', async () => {
          throw new ApiError(400, 400, 'bad limit', { idInMessage: false });
        });
        const body = {
          type: 'object',
          required: ['name'],
          additionalProperties: false,
          properties: { name: { type: 'string' }, list: { type: 'array', items: { type: 'integer' } } },
        };
        scope.post('/v2/checked', { schema: { body } }, async (request) => request.body);
      },
    ],
  });
  url = await app.listen({ host: '127.0.0.1', port: 0 });
  await addToken('member-token', 'member', null, null);
  await addToken('reader-token', 'reader', null, null);
  await addToken('expired-token', 'admin', new Date(Date.now() - 1000), null);
  await addToken('revoked-token', 'admin', null, new Date());
});

afterAll(async () => {
  await app?.close();
  await storage?.close();
});

test('a body is JSON or nothing', async () => {
  expect((await send('POST', '/v2/echo', '{"a":1}')).body).toEqual({ body: { a: 1 }, project: 'default' });
  expect((await send('POST', '/v2/echo', undefined)).body.body).toEqual({});
  expect((await send('POST', '/v2/echo', '')).body.body).toEqual({});
  expect((await send('DELETE', '/v2/echo', undefined)).body.body).toEqual({});
  expect((await send('POST', '/v2/echo', '[]')).body.body).toEqual([]);
  expect(
    (await send('POST', '/v2/echo', '{"a":1}', { 'Content-Type': 'application/json; charset=utf-8' })).status,
  ).toBe(200);
});

test.each(['{', 'a=1', '{"a":1', '\u0000', '{"__proto__": {"admin": true}}'])(
  '%j is refused as malformed',
  async (body) => {
    const answer = await send('POST', '/v2/echo', body);
    expect(answer.status).toBe(400);
    expect(answer.body.error_name).toBe('MALFORMED_REQUEST_BODY');
    expect(answer.body.error_message).toMatch(/^Malformed message body: .*\nError ID: [0-9a-f-]{36}$/s);
  },
);

test.each([
  ['values', `[${'1,'.repeat(20_000)}1]`],
  ['values', JSON.stringify(Object.fromEntries(Array.from({ length: 20_001 }, (_, i) => [i, 1])))],
  ['deep', `${'['.repeat(200_000)}${']'.repeat(200_000)}`],
  ['deep', `${'{"a":'.repeat(65)}1${'}'.repeat(65)}`],
])(
  'a body that takes long to look through, or more depth than there is, is refused: %s',
  async (what, body) => {
    const answer = await send('POST', '/v2/echo', body);
    expect([answer.status, answer.body.error_name]).toEqual([400, 'INVALID_DATA']);
    expect(answer.body.error_message).toContain(what);
  },
);

test('a body as large as anybody needs is taken', async () => {
  const deep = `${'{"a":['.repeat(32)}${']}'.repeat(32)}`;
  expect((await send('POST', '/v2/echo', deep)).status).toBe(200);
  expect((await send('POST', '/v2/echo', JSON.stringify(Array.from({ length: 19_999 })))).status).toBe(200);
});

test('another content type is refused by its name', async () => {
  for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'application/xml; charset=utf-8']) {
    const answer = await send('POST', '/v2/echo', 'a=1', { 'Content-Type': type });
    expect(answer.status).toBe(400);
    expect(answer.body.error_name).toBe('INVALID_DATA');
    expect(answer.body.error_message).toContain(`Content type '${type.split(';')[0]}' isn't supported`);
  }
});

test('a body that is too large is refused by its size', async () => {
  const answer = await send('POST', '/v2/echo', JSON.stringify({ a: 'x'.repeat(2_000_000) }));
  expect(answer.status).toBe(413);
  expect(answer.body).toMatchObject({ error_code: 413, error_name: 'REQUEST_TOO_LARGE' });
});

test('a defect is told to the log under its id, to the caller it is a defect', async () => {
  const answer = await send('GET', '/v2/defect');
  expect(answer.status).toBe(500);
  expect(answer.body).toMatchObject({
    error_code: 500,
    error_name: 'INTERNAL_SERVER_ERROR',
    retryable: false,
  });
  expect(JSON.stringify(answer.body)).not.toContain('hunter2');
  const line = logged.split('\n').find((text) => text.includes(answer.body.error_id));
  expect(line).toContain('hunter2');
});

test('a refusal carries its id in the text and beside it, its hint and its details', async () => {
  const { status, body } = await send('GET', '/v2/refusal');
  expect(status).toBe(502);
  expect(body).toEqual({
    error_code: 502,
    error_name: 'UNREACHABLE',
    error_message: `worker-1 does not answer\nError ID: ${body.error_id}`,
    error_id: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
    hint: 'look at its power',
    retryable: true,
    hop: 'worker-1',
    phase: 'dial',
  });
  expect((await send('GET', '/v2/sahara')).body).toMatchObject({
    error_name: 400,
    error_message: 'bad limit',
  });
});

test('what the schema refuses is told line by line', async () => {
  const answer = await send('POST', '/v2/checked', '{"list":[1,"2"],"colour":"blue"}');
  expect(answer.status).toBe(400);
  expect(answer.body.error_name).toBe('VALIDATION_ERROR');
  const lines = answer.body.error_message.split('\n');
  expect(lines).toContain("body must have required property 'name'");
  expect(lines).toContain("body must NOT have additional properties ('colour' was unexpected)");
  expect(lines).toContain('list[1] must be integer');
});

test('nothing is coerced', async () => {
  expect((await send('POST', '/v2/checked', '{"name":1}')).status).toBe(400);
});

test('tokens that are expired or revoked are none', async () => {
  for (const token of ['expired-token', 'revoked-token'])
    expect((await send('GET', '/v2/sahara', undefined, { 'X-Auth-Token': token })).status).toBe(401);
});

test('a reader reads and does nothing else', async () => {
  const headers = { 'X-Auth-Token': 'reader-token' };
  expect((await send('GET', '/v2/sahara', undefined, headers)).status).toBe(400);
  const answer = await send('POST', '/v2/echo', '{}', headers);
  expect(answer.status).toBe(403);
  expect(answer.body.error_name).toBe('FORBIDDEN');
});

test('a project in the path and .json at the end are the same resource', async () => {
  for (const target of ['/v2/images', '/v2/default/images', '/v2/images.json', '/v2/default/images.json'])
    expect((await send('GET', target)).body).toEqual({ images: [] });
  expect((await send('GET', '/v2/11111111111111111111111111111111/images')).status).toBe(401);
});

test('tokens are nowhere in the log', () => {
  expect(logged).not.toBe('');
  for (const token of ['member-token', 'reader-token', 'expired-token', 'revoked-token'])
    expect(logged).not.toContain(token);
});

async function send(method: string, target: string, body?: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${url}${target}`, {
    method,
    body: body ?? null,
    headers: {
      'X-Auth-Token': 'member-token',
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...headers,
    },
  });
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of an answer by using it.
  return { status: response.status, body: (await response.json()) as any };
}

async function addToken(
  token: string,
  role: 'reader' | 'member' | 'admin',
  expires: Date | null,
  revoked: Date | null,
) {
  await storage.db
    .insertInto('api_token')
    .values({
      id: randomUUID(),
      project_id: 'default',
      name: token,
      role,
      hash: createHash('sha256').update(token).digest('hex'),
      expires_at: expires,
      revoked_at: revoked,
    })
    .execute();
}
