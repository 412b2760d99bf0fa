import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { FrameStream, type FrameStreamOptions, mostFrameBytes } from './frame-stream.ts';

let server: WebSocketServer;
let url: string;

beforeAll(async () => {
  server = new WebSocketServer({ host: '127.0.0.1', port: 0, maxPayload: mostFrameBytes });
  await once(server, 'listening');
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  for (const client of server.clients) client.terminate();
  await new Promise((resolve) => server.close(resolve));
});

async function sockets(): Promise<[WebSocket, WebSocket]> {
  const near = new WebSocket(url);
  const [[far]] = await Promise.all([once(server, 'connection'), once(near, 'open')]);
  return [near, far as WebSocket];
}

async function pair(options: FrameStreamOptions = {}): Promise<[FrameStream, FrameStream]> {
  const [near, far] = await sockets();
  return [new FrameStream(near), new FrameStream(far, options)];
}

/** To its end; an async iterator would destroy the other direction with it. */
async function buffer(stream: FrameStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk) => chunks.push(chunk));
  await once(stream.resume(), 'end');
  return Buffer.concat(chunks);
}

/** As `code` or `ended`. */
async function endOf(stream: FrameStream): Promise<string> {
  let code = 'ended';
  stream.on('error', (error: NodeJS.ErrnoException) => {
    code = String(error.code);
  });
  stream.resume();
  await new Promise((resolve) => stream.once('close', resolve));
  return code;
}

describe('a stream of frames', () => {
  it('carries any bytes both ways, and each end by itself', async () => {
    const bytes = fc.array(fc.uint8Array({ maxLength: 2000 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(bytes, bytes, async (there, back) => {
        const [near, far] = await pair();
        const send = (stream: FrameStream, chunks: Uint8Array[]) => {
          for (const chunk of chunks) stream.write(Buffer.from(chunk));
          stream.end();
        };
        send(near, there);
        expect(await buffer(far)).toEqual(Buffer.concat(there.map((each) => Buffer.from(each))));
        // One direction has ended; the other still works.
        send(far, back);
        expect(await buffer(near)).toEqual(Buffer.concat(back.map((each) => Buffer.from(each))));
      }),
      { numRuns: 40 },
    );
  });

  it('splits what is larger than a message may be', async () => {
    const [near, far] = await pair();
    const data = Buffer.alloc(3 * mostFrameBytes + 7, 'x');
    near.end(data);
    expect((await buffer(far)).equals(data)).toBe(true);
    far.end();
    await once(near.resume(), 'close');
  });

  it('keeps with the sender what nobody reads', async () => {
    const [near, far] = await pair();
    const chunk = Buffer.alloc(64 * 1024);
    let sent = 0;
    const fill = async () => {
      while (sent < 200 * chunk.length) {
        sent += chunk.length;
        if (!near.write(chunk)) await once(near, 'drain');
      }
      near.end();
    };
    const filling = fill();
    let before = -1;
    while (before !== sent) {
      before = sent;
      await sleep(200);
    }
    // Beside the two buffers only what the kernel holds of a connection.
    expect(sent).toBeLessThan(200 * chunk.length);
    let received = 0;
    far.on('data', (piece) => {
      received += piece.length;
    });
    await Promise.all([filling, once(far, 'end')]);
    expect(received).toBe(200 * chunk.length);
    near.destroy();
    far.destroy();
  });

  it('passes control messages on beside the bytes', async () => {
    const told: unknown[] = [];
    const [near, far] = await pair({ onControl: (message) => told.push(message) });
    near.control({ type: 'resize', columns: 80, rows: 24 });
    near.end('bytes');
    expect((await buffer(far)).toString()).toBe('bytes');
    expect(told).toEqual([{ type: 'resize', columns: 80, rows: 24 }]);
    far.end();
    await once(near.resume(), 'close');
  });

  it('takes a cut connection for an error, also when only one end had come', async () => {
    const [near, far] = await sockets();
    const stream = new FrameStream(near);
    const ended = endOf(stream);
    far.send(JSON.stringify({ type: 'eof' }));
    far.send('{}', () => far.terminate());
    expect(await ended).toBe('ECONNRESET');
  });

  it('tells the other side why it ended', async () => {
    const [near, far] = await pair();
    const failed = once(near, 'error');
    far.on('error', () => {});
    far.destroy(new Error(`the machine is gone ${'é'.repeat(200)}`));
    expect((await failed)[0].message).toMatch(
      /^the other side closed the connection: the machine is gone é+$/,
    );
  });

  it('notices a peer that fell silent, and none that only has much to read', async () => {
    const [near, far] = await sockets();
    far.pause();
    const silent = new FrameStream(near, { pingInterval: 50 });
    expect(await endOf(silent)).toBe('ETIMEDOUT');
    const [busy, full] = await sockets();
    const sender = new FrameStream(full);
    const reader = new FrameStream(busy, { pingInterval: 50 });
    reader.pause();
    const data = Buffer.alloc(4 << 20);
    sender.end(data);
    await sleep(400);
    expect((await buffer(reader)).length).toBe(data.length);
    reader.end();
    await once(sender.resume(), 'close');
  });

  it.each([
    ['text that is no JSON', 'no'],
    ['JSON that is no object', '7'],
    ['a second end', '{"type":"eof"}'],
    ['bytes after the end', Buffer.from('x')],
  ])('ends with an error at %s', async (_, message) => {
    const [near, far] = await sockets();
    const stream = new FrameStream(near);
    const ended = endOf(stream);
    if (_.includes('end')) far.send('{"type":"eof"}');
    far.send(message);
    expect(await ended).toBe('EPROTO');
  });

  it('ends with an error at a message that is too large', async () => {
    const [near, far] = await sockets();
    const stream = new FrameStream(far);
    const ended = endOf(stream);
    near.send(Buffer.alloc(mostFrameBytes + 1));
    expect(await ended).toBe('WS_ERR_UNSUPPORTED_MESSAGE_LENGTH');
  });
});
