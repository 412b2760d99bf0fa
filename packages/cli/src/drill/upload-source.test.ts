import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { UploadSource } from './upload-source.ts';

const size = 3 * 1024 * 1024 + 5;

it('gives out all of its bytes, and knows their digest', async () => {
  const source = new UploadSource(size, 3);
  source.releaseAll();
  const digest = createHash('sha256');
  let bytes = 0;
  for await (const part of source.content(new AbortController().signal)) {
    digest.update(part);
    bytes += part.length;
  }
  expect(bytes).toBe(size);
  expect(digest.digest('hex')).toBe(source.sha256);
});

it('gives out the same bytes wherever one begins', async () => {
  const source = new UploadSource(size, 1);
  source.releaseAll();
  const read = async (offset: number, length: number) => {
    const parts: Uint8Array[] = [];
    for await (const part of await source.read(offset, length)) parts.push(part);
    return Buffer.concat(parts);
  };
  const whole = await read(0, size);
  for (const offset of [1, 15, 16, 17, 1_000_003, size - 1])
    expect((await read(offset, 100)).equals(whole.subarray(offset, offset + 100))).toBe(true);
});

it('holds back what no fault has come for yet, and trickles until that is in force', async () => {
  const source = new UploadSource(size, 3);
  const share = Math.floor(size / 3);
  let bytes = 0;
  let ended = false;
  const reading = (async () => {
    for await (const part of await source.read(0, size)) bytes += part.length;
    ended = true;
  })();
  expect(bytes).toBe(0);
  await source.open(0);
  const before = bytes;
  expect(before).toBeGreaterThan(0);
  while (bytes === before) await new Promise((resolve) => setTimeout(resolve, 10));
  expect([ended, bytes < share]).toEqual([false, true]);
  source.release(0);
  await reading;
  expect(bytes).toBe(share);
  // The next share waits for its own fault.
  const next = source.read(share, size);
  const first = await Promise.race([next, new Promise((resolve) => setTimeout(resolve, 100, 'waits'))]);
  expect(first).toBe('waits');
  source.releaseAll();
  await next;
});
