import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { MemorySocket } from './memory-socket.ts';

describe('a connection inside the private network', () => {
  const origin = { name: 'here', address: '10.0.0.1' };

  it('carries bytes both ways to their end, however large the pieces are', async () => {
    const [near, far] = MemorySocket.pair(origin);
    const large = Buffer.alloc(1_000_000, 'x');
    const received = buffer(far);
    const closed = once(near, 'close');
    for (let i = 0; i < 5; i += 1) near.write(large);
    far.write('answer');
    expect(String((await once(near, 'data'))[0])).toBe('answer');
    near.end('last');
    expect((await received).length).toBe(5_000_004);
    await closed;
    expect(far.destroyed).toBe(true);
  });

  it('makes the writer wait while the reader does not read', async () => {
    const [near, far] = MemorySocket.pair(origin);
    let written = 0;
    for (let i = 0; i < 100; i += 1) near.write(Buffer.alloc(65_536), () => (written += 1));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(written).toBeLessThan(10);
    far.resume();
    await expect.poll(() => written).toBe(100);
    far.destroy();
  });

  it('is lost for both when one of them drops it', async () => {
    const [near, far] = MemorySocket.pair(origin);
    far.on('error', () => undefined);
    const closed = once(far, 'close');
    near.destroy();
    await closed;
    expect(far.destroyed).toBe(true);
  });

  it('lets the reader have what was sent before the writer dropped it at its end', async () => {
    const [near, far] = MemorySocket.pair(origin);
    near.end('all of it');
    near.once('finish', () => near.destroy());
    expect((await buffer(far)).toString()).toBe('all of it');
  });
});
