import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { OpenStack } from '../openstack.ts';
import { TestCloud } from '../test-cloud.ts';

const id = '050f3998-ced4-4e48-8de1-73803c49fa72';
const image = {
  id,
  name: 'debian-lab',
  status: 'queued',
  visibility: 'private',
  owner: 'demo',
  tags: ['wadi'],
  size: null,
  min_disk: 0,
  min_ram: 0,
  disk_format: 'raw',
  container_format: 'bare',
  protected: false,
  created_at: '2026-11-23T06:52:42Z',
  updated_at: '2026-11-23T06:52:42Z',
  _sahara_username: 'debian',
};
const file = `PUT /image/v2/images/${id}/file`;
let cloud: TestCloud;
let client: OpenStack;

beforeEach(async () => {
  cloud = await TestCloud.start();
  client = cloud.client();
});
afterEach(() => cloud.stop());

test('an image is created, found, read and deleted, with its own properties', async () => {
  cloud.on('POST /image/v2/images', () => ({ status: 201, body: image }));
  cloud.on('GET /image/v2/images', () => ({
    body: { images: [image, { ...image, id: 'x', tags: [] }], next: null },
  }));
  cloud.on(`GET /image/v2/images/${id}`, () => ({ body: image }));
  const wanted = { name: 'debian-lab', disk_format: 'raw', container_format: 'bare' };
  await client.images.create({ ...wanted, properties: { _sahara_username: 'debian' } });
  expect(cloud.requests('POST /image/v2/images')[0]?.body).toEqual({ ...wanted, _sahara_username: 'debian' });
  expect((await client.images.list({ tags: ['wadi'], name: 'debian-lab' })).map((one) => one.id)).toEqual([
    id,
  ]);
  expect(await client.images.get(id)).toMatchObject({ _sahara_username: 'debian' });
  const page =
    '<html>\n <head>\n  <title>404 Not Found</title>\n </head>\n <body>\n  <h1>404 Not Found</h1>\n  No image found with ID x<br /><br />\n </body>\n</html>';
  cloud.on('DELETE /image/v2/images/x', () => ({ status: 404, body: page }));
  await expect(client.images.delete('x')).rejects.toMatchObject({
    code: 'NOT_FOUND',
    said: 'No image found with ID x',
  });
  await client.images.delete('x', { missingOk: true });
  expect(await client.images.get('x')).toBeNull();
});

test('its content is sent as a stream', async () => {
  cloud.on(file, () => ({ status: 204, body: '' }));
  await client.images.upload(id, () => Readable.from([Buffer.from('one'), Buffer.from('two')]));
  const [request] = cloud.requests(file);
  expect([request?.text, request?.headers['content-type']]).toEqual(['onetwo', 'application/octet-stream']);
});

test('an upload that breaks is not repeated; one whose token is refused is, from the beginning', async () => {
  let opened = 0;
  const open = () => {
    opened += 1;
    return Readable.from([Buffer.from('content')]);
  };
  cloud.on(file, ({ socket }) => void socket.destroy());
  await expect(client.images.upload(id, open)).rejects.toMatchObject({
    code: 'CONNECTION_LOST',
    maybeDone: true,
  });
  expect(opened).toBe(1);
  cloud.tokens.clear();
  cloud.on(file, () => ({ status: 204, body: '' }));
  await client.images.upload(id, open);
  expect(opened).toBe(3);
  expect(cloud.requests(file).at(-1)?.text).toBe('content');
});

test('a content that cannot be read ends the upload, and so does a signal', async () => {
  cloud.on(file, () => ({ status: 204, body: '' }));
  const broken = () =>
    Readable.from(
      (async function* () {
        yield Buffer.from('a');
        throw new Error('the disk is gone');
      })(),
    );
  await expect(client.images.upload(id, broken)).rejects.toMatchObject({
    code: 'CONNECTION_LOST',
    cause: { message: 'the disk is gone' },
  });
  const missing = () => {
    throw new Error('no such file');
  };
  await expect(client.images.upload(id, missing)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  const stop = new AbortController();
  const endless = new Readable({
    read() {
      stop.abort();
    },
  });
  await expect(client.images.upload(id, () => endless, { signal: stop.signal })).rejects.toMatchObject({
    code: 'CANCELLED',
  });
  expect(endless.destroyed).toBe(true);
});
