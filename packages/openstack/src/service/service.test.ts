import fc from 'fast-check';
import { Type } from 'typebox';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { OpenStack } from '../openstack.ts';
import { projectId, TestCloud } from '../test-cloud.ts';

const Item = Type.Object({ id: Type.String() });
let cloud: TestCloud;
let client: OpenStack;

beforeEach(async () => {
  cloud = await TestCloud.start();
  client = cloud.client();
});
afterEach(() => cloud.stop());

type Links = (next: string) => object;

/** Three pages of two; each says by its own service's means where the next one is. */
function pages(path: string, collection: string, links: Links, origin = cloud.origin): void {
  cloud.on(`GET ${path}`, (request) => {
    const marker = Number(new URL(request.path, 'http://x').searchParams.get('marker') ?? 0);
    const items = [marker + 1, marker + 2].map((id) => ({ id: String(id) }));
    const query = new URL(request.path, 'http://x').searchParams;
    query.set('marker', String(marker + 2));
    return { body: { [collection]: items, ...(marker < 4 ? links(`${origin}${path}?${query}`) : {}) } };
  });
}

const byRel = (name: string) => (href: string) => ({ [`${name}_links`]: [{ rel: 'next', href }] });

test.each<['compute' | 'network' | 'image' | 'block-storage' | 'identity', string, string, Links]>([
  ['compute', '/compute/v2.1/things', 'things', byRel('things')],
  ['network', '/network/v2.0/things', 'things', byRel('things')],
  ['block-storage', `/volume/v3/${projectId}/things`, 'things', byRel('things')],
  // Glance leaves out what a gateway put before its path.
  ['image', '/image/v2/things', 'things', (href) => ({ next: `/v2/things${new URL(href).search}` })],
  ['identity', '/identity/v3/things', 'things', (next) => ({ links: { next, previous: null } })],
])('pages of %s are read to the last, with the same query', async (service, path, collection, links) => {
  pages(path, collection, links);
  const items = await client
    .service(service)
    .list(collection, Item, { path: [collection], query: { name: 'a&b' } });
  expect(items.map(({ id }) => id)).toEqual(['1', '2', '3', '4', '5', '6']);
  const queries = cloud
    .requests(`GET ${path}`)
    .map((request) => new URL(request.path, 'http://x').searchParams);
  expect(queries.map((query) => query.get('name'))).toEqual(['a&b', 'a&b', 'a&b']);
});

test.each(['http://192.0.2.9:8774', 'https://127.0.0.1:1', 'javascript:alert(1)//'])(
  'a next page at %s is refused, since the token would go there',
  async (origin) => {
    pages('/compute/v2.1/things', 'things', byRel('things'), origin);
    await expect(client.service('compute').list('things', Item, { path: ['things'] })).rejects.toMatchObject({
      code: 'REDIRECTED',
      service: 'compute',
    });
    expect(cloud.requests('GET /compute/v2.1/things')).toHaveLength(1);
  },
);

test('pages that lead in a circle are given up', async () => {
  const body = { things: [], ...byRel('things')(`${cloud.origin}/compute/v2.1/things?marker=1`) };
  cloud.on('GET /compute/v2.1/things', () => ({ body }));
  await expect(client.service('compute').list('things', Item, { path: ['things'] })).rejects.toThrow(
    'leads from page to page without end',
  );
});

test.each([
  ['{"things": [{"id": 5}]}', 'things.0.id must be string'],
  ['{"things": {}}', 'things must be array'],
  ['{"other": []}', 'must have required properties things'],
  ['{"things": [', 'is not JSON'],
  ['<html>Welcome to the portal</html>', 'is not JSON'],
  ['', 'is empty'],
])('the answer %s is refused and not quoted', async (text, problem) => {
  cloud.on('GET /compute/v2.1/things', () => ({ body: text }));
  const asked = client.service('compute').list('things', Item, { path: ['things'] });
  await expect(asked).rejects.toMatchObject({
    code: 'INVALID_ANSWER',
    message: expect.stringContaining(problem),
  });
  await expect(asked).rejects.not.toThrow('portal');
});

const versions = { version: { id: 'v2.1', status: 'CURRENT', version: '2.93', min_version: '2.1' } };
const need = (needed: `2.${number}`) => ({ needed, use: 'what is tested' });

test('a microversion that is needed is asked for, and the range of the cloud only once', async () => {
  cloud.on('GET /compute/v2.1/', () => ({ body: versions }));
  cloud.on('GET /compute/v2.1/things', () => ({ body: {} }));
  const compute = client.service('compute');
  const request = { method: 'GET', path: ['things'], microversion: need('2.9') } as const;
  await Promise.all([compute.tell(request), compute.tell(request)]);
  await compute.tell({ method: 'GET', path: ['things'] });
  const headers = cloud
    .requests('GET /compute/v2.1/things')
    .map((one) => one.headers['openstack-api-version']);
  expect(headers.sort()).toEqual(['compute 2.9', 'compute 2.9', undefined]);
  expect(cloud.requests('GET /compute/v2.1/')).toHaveLength(1);
  expect(await compute.microversions()).toEqual({ lowest: '2.1', highest: '2.93' });
});

test('one that the cloud does not speak is an error that says what it is for, and nothing is sent', async () => {
  cloud.on('GET /compute/v2.1/', () => ({ body: versions }));
  const asked = client
    .service('compute')
    .tell({ method: 'POST', path: ['things'], body: {}, microversion: need('2.100') });
  await expect(asked).rejects.toMatchObject({
    code: 'MICROVERSION_UNSUPPORTED',
    message: 'compute: what is tested needs microversion 2.100, and this cloud speaks 2.1 to 2.93',
  });
  expect(cloud.requests('POST /compute/v2.1/things')).toHaveLength(0);
});

test('Cinder lists its versions, and its header says volume', async () => {
  const version = { id: 'v3.0', status: 'CURRENT', version: '3.70', min_version: '3.0' };
  cloud.on('GET /volume/v3/', () => ({ status: 300, body: { versions: [version] } }));
  cloud.on(`GET /volume/v3/${projectId}/things`, () => ({ body: {} }));
  const microversion = { needed: '3.44', use: 'it' } as const;
  await client.service('block-storage').tell({ method: 'GET', path: ['things'], microversion });
  const [request] = cloud.requests(`GET /volume/v3/${projectId}/things`);
  expect(request?.headers['openstack-api-version']).toBe('volume 3.44');
});

test('whatever an id is made of, it stays one segment of the path', async () => {
  const seen: string[] = [];
  const compute = client.service('compute');
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'grapheme' }), async (id) => {
      const before = cloud.received.length;
      const [result] = await Promise.allSettled([
        compute.tell({ method: 'GET', path: ['things', id, 'end'], accept: [404] }),
      ]);
      const last = cloud.received.slice(before).at(-1)?.path;
      if (['', '.', '..'].includes(id))
        expect(result).toMatchObject({ reason: { code: 'INVALID_ARGUMENT' } });
      else if (result?.status === 'fulfilled' && last) {
        const segments = last.split('/');
        expect([segments.length, segments[3], segments[5]]).toEqual([6, 'things', 'end']);
        expect(decodeURIComponent(segments[4] ?? '')).toBe(id);
        seen.push(id);
      }
    }),
    { numRuns: 100 },
  );
  expect(seen.length).toBeGreaterThan(10);
});
