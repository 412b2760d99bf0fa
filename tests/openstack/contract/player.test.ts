import { expect, test } from 'vitest';
import type { Exchange } from './exchange.ts';
import { readRecording } from './recording.ts';
import { replay } from './replay.ts';
import { scenarios } from './scenarios/all.ts';
import { makeStable } from './stable.ts';

const keypairs = scenarios.filter(({ name }) => name === 'keypairs');

/** The recording of key pairs with its nth request changed. */
async function replayChanged(n: number, change: (request: Exchange['request']) => object): Promise<void> {
  const changed = readRecording('keypairs').map((exchange, index) =>
    index === n ? { ...exchange, request: { ...exchange.request, ...change(exchange.request) } } : exchange,
  );
  for (const scenario of keypairs) await replay(scenario, changed);
}

test.each<[string, number, (request: Exchange['request']) => object]>([
  ['method', 2, () => ({ method: 'PUT' })],
  ['path', 2, ({ path }) => ({ path: `${path}/` })],
  ['query', 2, ({ path }) => ({ path: `${path}?limit=1` })],
  ['token', 2, ({ headers }) => ({ headers: { ...headers, 'x-auth-token': 'token-2' } })],
  [
    'microversion',
    2,
    ({ headers }) => ({ headers: { ...headers, 'openstack-api-version': 'compute 2.36' } }),
  ],
  ['body', 2, ({ body }) => ({ body: { ...(body as object), more: true } })],
])('a request of another %s than the recorded one fails', async (_what, n, change) => {
  await expect(replayChanged(n, change)).rejects.toThrow(`keypairs: request ${n + 1} is `);
});

test('a request less, or more, than recorded fails', async () => {
  const [recording, [scenario]] = [readRecording('keypairs'), keypairs];
  if (!scenario) throw new Error('unreachable');
  const [last] = recording.slice(-1) as [Exchange];
  await expect(replay(scenario, [...recording, last])).rejects.toThrow('not asked for any more');
  await expect(replay(scenario, recording.slice(0, -1))).rejects.toThrow('and was none');
});

test('secrets, ids and dates of a recording have stable names, what the scenario chose stays', () => {
  const [made, chosen] = ['4650627c-10c0-4d2a-b9d3-6fb4063e7171', 'ffffffff-ffff-4fff-8fff-ffffffffffff'];
  const json = { 'content-type': 'application/json' };
  const request = {
    method: 'POST',
    path: `/identity/v3/x/${chosen}`,
    headers: json,
    body: { password: 'hunter2' },
  };
  const headers = { ...json, 'x-subject-token': 'gAAAAABtoken', 'x-openstack-request-id': `req-${made}` };
  const body = {
    ids: [made, chosen],
    secret: 'hunter3',
    issued_at: '2026-11-30T19:06:36.000000Z',
    expires_at: '2026-11-30T23:06:36.000000Z',
    mac: 'fa:16:3e:12:34:56',
  };
  const next = {
    method: 'GET',
    path: `/x/${made}`,
    headers: { 'x-auth-token': 'gAAAAABtoken' },
    body: 'hunter3',
  };
  const exchanges = [
    { request, answer: { status: 201, headers, body } },
    { request: next, answer: { status: 204, headers: {}, body: null } },
  ];
  const id = '00000000-0000-4000-8000-000000000004';
  expect(makeStable(exchanges, new Map([['hunter2', 'the-password']]))).toEqual([
    {
      request: { ...request, body: { password: 'the-password' } },
      answer: {
        status: 201,
        headers: { ...json, 'x-subject-token': 'token-1', 'x-openstack-request-id': 'req-1' },
        body: {
          ids: [id, chosen],
          secret: 'made-secret-2',
          issued_at: '2026-01-01T00:00:00.000000Z',
          expires_at: '2026-01-01T04:00:00.000000Z',
          mac: 'fa:16:3e:00:00:05',
        },
      },
    },
    {
      request: { ...next, path: `/x/${id}`, headers: { 'x-auth-token': 'token-1' }, body: 'made-secret-2' },
      answer: { status: 204, headers: {}, body: null },
    },
  ]);
});
