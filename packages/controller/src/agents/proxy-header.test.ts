import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseProxyHeader, readProxyHeader } from './proxy-header.ts';

describe('a line of the PROXY protocol', () => {
  it.each([
    ['PROXY TCP4 192.0.2.7 198.51.100.1 56324 8022\r\n', '192.0.2.7'],
    ['PROXY TCP6 2001:db8::7 2001:db8::1 65535 0\r\n', '2001:db8::7'],
    ['PROXY UNKNOWN\r\n', null],
    ['PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n', null],
    ['PROXY TCP4 192.0.2.7 198.51.100.1 56324 8022\n', undefined],
    ['PROXY TCP4 192.0.2.7 198.51.100.1 56324 65536\r\n', undefined],
    ['PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n', undefined],
    ['PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n', undefined],
    ['PROXY TCP4 localhost 198.51.100.1 1 2\r\n', undefined],
    ['PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n', undefined],
    ['PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n', undefined],
    ['SSH-2.0-OpenSSH_9.2\r\n', undefined],
  ])('%j names %s', (line, source) => {
    expect(parseProxyHeader(line)).toBe(source);
  });

  it('names whatever address it has, and nothing else ever does', () => {
    const port = fc.integer({ min: 0, max: 65_535 });
    const pair = fc.oneof(
      fc.tuple(fc.constant('TCP4'), fc.ipV4(), fc.ipV4()),
      fc.tuple(fc.constant('TCP6'), fc.ipV6(), fc.ipV6()),
    );
    fc.assert(
      fc.property(pair, port, port, ([kind, from, to], one, other) => {
        expect(parseProxyHeader(`PROXY ${kind} ${from} ${to} ${one} ${other}\r\n`)).toBe(from);
      }),
    );
    fc.assert(fc.property(fc.string(), (line) => parseProxyHeader(line) === undefined));
  });
});

describe('a connection from a balancer', () => {
  let server: Server;
  let accepted: Promise<[Socket]>;

  beforeAll(async () => {
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(() => server.close());

  /** Both ends. */
  async function open(): Promise<[Socket, Socket]> {
    accepted = once(server, 'connection') as Promise<[Socket]>;
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    client.on('error', () => {});
    const [socket] = await accepted;
    socket.on('error', () => {});
    return [client, socket];
  }

  it.each([
    ['PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\nSSH-2.0-x\r\n', '192.0.2.7', 'SSH-2.0-x\r\n'],
    ['PROXY UNKNOWN\r\nSSH-2.0-x\r\n', null, 'SSH-2.0-x\r\n'],
    ['SSH-2.0-x\r\n', null, 'SSH-2.0-x\r\n'],
    ['P', undefined, ''],
    ['PROXY TCP4 nobody\r\nSSH-2.0-x\r\n', undefined, ''],
    [`PROXY UNKNOWN ${'x'.repeat(200)}`, undefined, ''],
  ])('that begins with %j, in whatever pieces, is from %s', async (begin, source, rest) => {
    for (const piece of [1, 7, 1000]) {
      const [client, socket] = await open();
      const found = readProxyHeader(socket, begin === 'P' ? 50 : 5000);
      for (let at = 0; at < begin.length; at += piece) {
        client.write(begin.slice(at, at + piece));
        await new Promise(setImmediate);
      }
      expect(await found).toBe(source);
      if (source === undefined) expect(socket.destroyed).toBe(true);
      else {
        client.end();
        expect(await text(socket)).toBe(rest);
      }
      client.destroy();
    }
  });

  it('that ends before it says anything is none', async () => {
    const [client, socket] = await open();
    const found = readProxyHeader(socket, 5000);
    client.end();
    expect(await found).toBe(undefined);
    expect(socket.destroyed).toBe(true);
  });
});
