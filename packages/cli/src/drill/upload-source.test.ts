import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { UploadSource } from './upload-source.ts';

const size = 3 * 1024 * 1024 + 5;

it('gives out all of its bytes, and knows their digest', async () => {
  const source = new UploadSource(size, 3);
  source.openAll();
  const digest = createHash('sha256');
  let bytes = 0;
  for await (const part of source.content(new AbortController().signal)) {
    digest.update(part);
    bytes += part.length;
  }
  expect(bytes).toBe(size);
  expect(digest.digest('hex')).toBe(source.digest);
});

it('holds back what no fault has come for yet', async () => {
  const source = new UploadSource(size, 3);
  source.openPortion();
  const stop = new AbortController();
  let bytes = 0;
  for await (const part of source.content(stop.signal)) {
    bytes += part.length;
    if (bytes === Math.floor(size / 3)) setImmediate(() => stop.abort());
  }
  expect(bytes).toBe(Math.floor(size / 3));
});
