import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OpenStackError } from '../errors.ts';
import type { OpenStack } from '../openstack.ts';
import type { ServiceRequest } from '../service/service.ts';
import { password, TestCloud } from '../test-cloud.ts';

const get = { method: 'GET', path: ['servers'] } as const;
const post = { method: 'POST', path: ['servers'], body: { server: { name: 'one' } } } as const;
const gets = 'GET /compute/v2.1/servers';
const posts = 'POST /compute/v2.1/servers';
const created = { status: 202, body: { server: { id: 'one' } } };
let cloud: TestCloud;
let client: OpenStack;

beforeEach(async () => {
  cloud = await TestCloud.start();
  client = cloud.client();
});
afterEach(() => cloud.stop());

async function failure(request: ServiceRequest): Promise<OpenStackError> {
  const [result] = await Promise.allSettled([client.service('compute').tell(request)]);
  const error = result?.status === 'rejected' ? result.reason : null;
  expect(error).toBeInstanceOf(OpenStackError);
  const all = inspect(error, { depth: 8, showHidden: true });
  expect(all).not.toContain('gAAAAA');
  expect(all).not.toContain(password);
  return error;
}

/** Answers with each of them in turn, and then always with the last. */
function inTurn(what: string, ...replies: readonly object[]): void {
  let turn = 0;
  cloud.on(what, () => replies[Math.min(turn++, replies.length - 1)]);
}

test.each([429, 500, 502, 503, 504])('a GET that is answered %d is repeated', async (status) => {
  inTurn(gets, { status, body: {} }, { status, body: {} }, { body: { servers: [] } });
  await client.service('compute').tell(get);
  expect(cloud.requests(gets)).toHaveLength(3);
});

test('Retry-After is obeyed, in seconds and as a date', async () => {
  const moment = new Date(Date.now() + 2000).toUTCString();
  inTurn(
    gets,
    { status: 503, headers: { 'retry-after': '1' }, body: {} },
    { status: 429, headers: { 'retry-after': moment }, body: {} },
    { body: {} },
  );
  const began = performance.now();
  await client.service('compute').tell(get);
  // Never sooner; how much later depends on how busy the computer is. A date has no parts of a second.
  expect(performance.now() - began).toBeGreaterThanOrEqual(1000 - 1);
  expect(cloud.requests(gets)).toHaveLength(3);
});

test('a wait that is longer than the whole call may take is not begun', async () => {
  inTurn(gets, { status: 503, headers: { 'retry-after': '3600' }, body: {} });
  expect(await failure(get)).toMatchObject({
    code: 'SERVICE_FAILED',
    retryable: true,
    message: expect.stringContaining('it asks to wait 3600 s'),
  });
  expect(cloud.requests(gets)).toHaveLength(1);
});

test('after the last attempt the error has what is needed to look for the cause', async () => {
  const body = { computeFault: { code: 500, message: 'Unexpected API Error.' } };
  inTurn(gets, { status: 500, headers: { 'x-openstack-request-id': 'req-77' }, body });
  expect(await failure({ ...get, query: { name: 'somebody' } })).toMatchObject({
    code: 'SERVICE_FAILED',
    service: 'compute',
    method: 'GET',
    path: '/compute/v2.1/servers',
    status: 500,
    said: 'Unexpected API Error.',
    type: 'computeFault',
    requestId: 'req-77',
    message: 'compute: GET /compute/v2.1/servers: 500 Unexpected API Error., after 5 attempts (req-77)',
    maybeDone: false,
  });
  expect(cloud.requests(gets)).toHaveLength(5);
});

test.each<[number, object | string, string]>([
  [400, { badRequest: { code: 400, message: 'Invalid key_name provided.' } }, 'BAD_REQUEST'],
  [403, { forbidden: { code: 403, message: 'Policy does not allow it.' } }, 'FORBIDDEN'],
  [403, { forbidden: { code: 403, message: 'Quota exceeded for instances' } }, 'QUOTA_EXCEEDED'],
  [
    403,
    { forbidden: { code: 403, message: 'Maximum number of metadata items exceeds 128' } },
    'QUOTA_EXCEEDED',
  ],
  [
    403,
    { forbidden: { code: 403, message: 'The number of defined ports: 1 is over the limit: 0' } },
    'QUOTA_EXCEEDED',
  ],
  [404, '<html><body><h1>404</h1>gone</body></html>', 'NOT_FOUND'],
  [
    406,
    { computeFault: { message: 'Version 2.99 is not supported by the API.' } },
    'MICROVERSION_UNSUPPORTED',
  ],
  [409, { NeutronError: { type: 'NetworkInUse', message: 'in use', detail: '' } }, 'CONFLICT'],
  [409, { NeutronError: { type: 'OverQuota', message: 'Quota exceeded', detail: '' } }, 'QUOTA_EXCEEDED'],
  [413, { overLimit: { code: 413, message: 'Maximum number of volumes allowed' } }, 'QUOTA_EXCEEDED'],
  [501, { computeFault: { message: 'not implemented' } }, 'SERVICE_FAILED'],
])('%d %o is %s, and not repeated', async (status, body, code) => {
  inTurn(gets, { status, body });
  expect(await failure(get)).toMatchObject({ code, status, retryable: false });
  expect(cloud.requests(gets)).toHaveLength(1);
});

test('a redirect is not followed: the token would go there', async () => {
  inTurn(gets, { status: 302, headers: { location: 'http://192.0.2.7/' }, body: '' });
  expect(await failure(get)).toMatchObject({ code: 'REDIRECTED', status: 302 });
});

test.each([
  ['429', { status: 429, body: {} }],
  ['503 with Retry-After', { status: 503, headers: { 'retry-after': '0' }, body: {} }],
  [
    '503 of a gateway, without a request id',
    { status: 503, headers: { 'x-openstack-request-id': '' }, body: '' },
  ],
])('a POST that was not begun is repeated: %s', async (_name, reply) => {
  inTurn(posts, reply, created);
  await client.service('compute').tell(post);
  expect(cloud.requests(posts)).toHaveLength(2);
});

test.each([500, 502, 503, 504])('a POST that may have been obeyed is not repeated: %d', async (status) => {
  inTurn(posts, { status, body: { computeFault: { message: 'broken' } } }, created);
  expect(await failure(post)).toMatchObject({ code: 'SERVICE_FAILED', maybeDone: true, retryable: false });
  expect(cloud.requests(posts)).toHaveLength(1);
});

test.each<[string, ServiceRequest, number]>([
  ['GET', get, 5],
  ['DELETE', { method: 'DELETE', path: ['servers', 'one'] }, 5],
  ['PUT', { method: 'PUT', path: ['servers', 'one'], body: {} }, 5],
  [
    'PUT that does more each time',
    { method: 'PUT', path: ['servers', 'one'], body: {}, repeat: 'if-unsent' },
    1,
  ],
  ['POST', post, 1],
  ['POST that changes nothing', { ...post, repeat: 'always' }, 5],
])('a connection that breaks before the answer: %s', async (_name, request, times) => {
  const what = `${request.method} /compute/v2.1/${request.path.join('/')}`;
  cloud.on(what, ({ socket }) => void socket.destroy());
  const error = await failure(request);
  expect(error).toMatchObject({
    code: 'CONNECTION_LOST',
    maybeDone: request !== get && !_name.includes('nothing'),
  });
  expect(error.retryable).toBe(times > 1);
  expect(cloud.requests(what)).toHaveLength(times);
});

test('kept connections that the server closes in silence do not fail a POST, and it is sent once', async () => {
  inTurn(posts, created);
  inTurn(gets, { body: {} });
  for (let count = 0; count < 3; count += 1) await client.service('compute').tell(get);
  // The client believes in them until it hears of the end, and the POST is sent in the very same moment.
  for (const { socket } of cloud.received) socket.destroy();
  await client.service('compute').tell(post);
  expect(cloud.requests(posts)).toHaveLength(1);
});

test('a POST never takes a connection that anything went over before', async () => {
  inTurn(posts, created);
  inTurn(gets, { body: {} });
  for (let count = 0; count < 3; count += 1) {
    await client.service('compute').tell(get);
    await client.service('compute').tell(post);
  }
  const sockets = cloud.received.map(({ socket }) => socket);
  const used = cloud.received.filter(({ socket, path, method }, index) => {
    const ours = method === 'POST' && !path.endsWith('/auth/tokens');
    return ours && sockets.indexOf(socket) !== index;
  });
  expect(used).toEqual([]);
  expect(new Set(sockets).size).toBeLessThan(sockets.length);
});

test('a POST is repeated when nobody listened yet: nothing was sent', async () => {
  await client.identity();
  const gate = createServer();
  await new Promise<void>((resolve) => gate.listen(0, '127.0.0.1', resolve));
  const { port } = gate.address() as { port: number };
  await new Promise((resolve) => gate.close(resolve));
  const other = cloud.client({}, { endpoints: { compute: `http://127.0.0.1:${port}/v2.1` } });
  client = other;
  expect(await failure(post)).toMatchObject({
    code: 'UNREACHABLE',
    maybeDone: false,
    retryable: true,
    message: expect.stringMatching(/ECONNREFUSED.*after 5 attempts/),
  });
});

test('a DELETE whose first answer got lost is done when the second is 404', async () => {
  let turn = 0;
  cloud.on('DELETE /compute/v2.1/servers/one', ({ socket }) => {
    turn += 1;
    if (turn === 1) return void socket.destroy();
    return { status: 404, body: { itemNotFound: { message: 'could not be found' } } };
  });
  await client.service('compute').remove(['servers', 'one']);
  await expect(client.service('compute').remove(['servers', 'one'])).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  await client.service('compute').remove(['servers', 'one'], { missingOk: true });
});

test('a 404 of a gateway is not the news that something is gone', async () => {
  const reply = {
    status: 404,
    headers: { 'x-openstack-request-id': '' },
    body: '<html><h1>404</h1>nginx</html>',
  };
  cloud.on('GET /compute/v2.1/', () => ({ body: { version: { version: '2.93', min_version: '2.1' } } }));
  cloud.on('GET /compute/v2.1/servers/one', () => reply);
  cloud.on('DELETE /compute/v2.1/servers/one', () => reply);
  await expect(client.servers.get('one')).rejects.toMatchObject({ code: 'NO_ENDPOINT', status: 404 });
  const removed = client.servers.delete('one', { missingOk: true });
  await expect(removed).rejects.toMatchObject({ code: 'NO_ENDPOINT', status: 404 });
});

test.each<[string, (response: import('node:http').ServerResponse) => void]>([
  ['no headers', () => undefined],
  ['headers and then nothing', (response) => void response.writeHead(200).flushHeaders()],
  [
    'a byte now and then',
    (response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write(' '), 20);
      response.once('close', () => clearInterval(timer));
    },
  ],
])('%s: each attempt has its deadline, and so has the whole', async (_name, answer) => {
  cloud.on(gets, (_request, response) => void answer(response));
  await client.identity();
  const limits = { attemptDeadline: 300, mostAttempts: 2 };
  expect(await failure({ ...get, limits })).toMatchObject({
    code: 'TIMEOUT',
    message: expect.stringMatching(/within 0.3 s, after 2 attempts/),
    maybeDone: false,
    retryable: true,
  });
  expect(await failure({ ...get, limits: { deadline: 300 } })).toMatchObject({
    code: 'TIMEOUT',
    message: expect.stringContaining('not done within'),
  });
});

test('a POST that is not answered in time is not repeated', async () => {
  cloud.on(posts, () => undefined);
  await client.identity();
  const error = await failure({ ...post, limits: { attemptDeadline: 2000 } });
  expect(error).toMatchObject({ code: 'TIMEOUT', maybeDone: true, retryable: false });
  expect(cloud.requests(posts)).toHaveLength(1);
});

test('a signal ends a request on its way, and a pause', async () => {
  const stop = new AbortController();
  cloud.on(gets, () => {
    stop.abort(new Error('enough'));
    return undefined;
  });
  expect(await failure({ ...get, signal: stop.signal })).toMatchObject({ code: 'CANCELLED' });
  const pause = new AbortController();
  cloud.on(gets, () => {
    setTimeout(() => pause.abort(), 10);
    return { status: 503, headers: { 'retry-after': '60' }, body: {} };
  });
  expect(await failure({ ...get, signal: pause.signal })).toMatchObject({ code: 'CANCELLED' });
});

test('a POST that is cancelled on its way may have been obeyed, and says so', async () => {
  const stop = new AbortController();
  cloud.on(posts, () => {
    stop.abort();
    return undefined;
  });
  expect(await failure({ ...post, signal: stop.signal })).toMatchObject({
    code: 'CANCELLED',
    maybeDone: true,
  });
});

test('closing ends what is under way', async () => {
  const other = cloud.client();
  cloud.on(gets, () => {
    void other.close();
    return undefined;
  });
  const [result] = await Promise.allSettled([other.service('compute').tell(get)]);
  expect(result).toMatchObject({ status: 'rejected', reason: { code: 'CLOSED' } });
});

test('nothing stays open: not after failures, not after closing', async () => {
  inTurn(posts, created);
  cloud.on(gets, () => undefined);
  const other = cloud.client({ limits: { mostAttempts: 1 } });
  const limits = { attemptDeadline: 200, mostAttempts: 1 };
  const many = Array.from({ length: 20 }, () => other.service('compute').tell({ ...get, limits }));
  for (const result of await Promise.allSettled(many))
    expect(result).toMatchObject({ reason: { code: 'TIMEOUT' } });
  await other.service('compute').tell(post);
  await other.close();
  // The server hears of it a moment later; the test's own time limit ends what hangs.
  while ((await cloud.connections()) > 0) await sleep(10);
});

test('a server that takes connections and hangs up gets a POST once at most, and the error says that it may be done', async () => {
  let taken = 0;
  const rude = createServer((socket) => {
    taken += 1;
    socket.on('error', () => undefined).destroy();
  });
  await new Promise<void>((resolve) => rude.listen(0, '127.0.0.1', resolve));
  const { port } = rude.address() as { port: number };
  client = cloud.client({}, { endpoints: { compute: `http://127.0.0.1:${port}/v2.1` } });
  expect(await failure(post)).toMatchObject({ code: 'CONNECTION_LOST', maybeDone: true });
  expect(taken).toBe(1);
  await failure(get);
  expect(taken).toBe(6);
  await new Promise((resolve) => rude.close(resolve));
});

test('an answer that is endless is given up', async () => {
  cloud.on(gets, (_request, response) => {
    response.writeHead(200);
    const piece = Buffer.alloc(1024 * 1024);
    const more = () => {
      while (!response.destroyed && response.write(piece));
    };
    response.on('drain', more);
    more();
    return undefined;
  });
  expect(await failure(get)).toMatchObject({ code: 'INVALID_ANSWER' });
});
