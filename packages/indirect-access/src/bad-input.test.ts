import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { AccessOptions } from './access-options.ts';
import type { AccessErrorCode, Phase } from './errors.ts';
import type { Machine, Route } from './route.ts';
import { direct, eventually, openSockets, processesWith, TestBed, through } from './test-access.ts';
import { freePort, makeKey, type TestSshd } from './test-sshd.ts';

const bed = new TestBed();
const servers: Server[] = [];
let proxy: TestSshd;
let bare: TestSshd;
let inner: TestSshd;
let strict: TestSshd;
let closedPort: number;
let sockets: number;

beforeAll(async () => {
  proxy = await bed.sshd('proxy');
  bare = await bed.sshd('bare', ['AllowTcpForwarding no', 'SetEnv PATH=/nonexistent']);
  inner = await bed.sshd('inner');
  strict = await bed.sshd('strict', ['DenyUsers *']);
  closedPort = await freePort();
  sockets = openSockets();
});
afterEach(async () => {
  await bed.reset();
  for (const server of servers.splice(0)) server.close();
});
afterAll(() => bed.stop());

/** A peer on loopback that does as it is told with each connection. */
async function peer(behave: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    // Read, so that it notices when the other side goes.
    socket.on('error', () => {}).resume();
    behave(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

const at = (port: number): Machine => inner.machine({ port });
const otherKey = makeKey();
const short = { banner: 400, keyExchange: 400, authentication: 3_000, channel: 3_000, prime: 500 };
const impostor = (server: TestSshd) =>
  server.machine({ hostKey: { kind: 'pinned', keys: [otherKey.publicKey] } });

interface Case {
  readonly what: string;
  readonly route: () => Route | Promise<Route>;
  readonly code: AccessErrorCode;
  readonly hop?: string;
  readonly phase?: Phase;
  readonly options?: Partial<AccessOptions>;
}

const failures: Case[] = [
  {
    what: 'a wrong private key',
    route: () => through(proxy.machine(), inner.machine({ credential: 'wrong' })),
    options: { identity: (id) => (id === 'wrong' ? otherKey : bed.key) },
    code: 'AUTHENTICATION_FAILED',
    hop: 'inner',
    phase: 'authentication',
  },
  {
    what: 'a wrong private key for the proxy',
    route: () => through(proxy.machine({ credential: 'wrong' }), inner.machine()),
    options: { identity: (id) => (id === 'wrong' ? otherKey : bed.key) },
    code: 'AUTHENTICATION_FAILED',
    hop: 'proxy',
    phase: 'authentication',
  },
  {
    what: 'text that is no private key',
    route: () => direct(inner.machine()),
    options: { identity: () => ({ privateKey: 'not a key' }) },
    code: 'AUTHENTICATION_FAILED',
    hop: 'inner',
    phase: 'authentication',
  },
  {
    what: 'a credential that cannot be had',
    route: () => direct(inner.machine()),
    options: { identity: () => Promise.reject(new Error('vault sealed')) },
    code: 'AUTHENTICATION_FAILED',
    hop: 'inner',
    phase: 'authentication',
  },
  {
    what: 'a user that the machine denies',
    route: () => through(proxy.machine(), strict.machine()),
    code: 'AUTHENTICATION_FAILED',
    hop: 'strict',
    phase: 'authentication',
  },
  {
    what: 'a wrong host key',
    route: () => through(proxy.machine(), impostor(inner)),
    code: 'HOST_KEY_MISMATCH',
    hop: 'inner',
    phase: 'host-key',
  },
  {
    what: 'a wrong host key of the proxy',
    route: () => through(impostor(proxy), inner.machine()),
    code: 'HOST_KEY_MISMATCH',
    hop: 'proxy',
    phase: 'host-key',
  },
  {
    what: 'a host key of a type that the machine does not have',
    route: () => direct(inner.machine({ hostKey: { kind: 'pinned', keys: ['ecdsa-sha2-nistp256 AAAA'] } })),
    code: 'KEY_EXCHANGE_FAILED',
    hop: 'inner',
    phase: 'key-exchange',
  },
  {
    what: 'an unknown machine where first contact is not allowed',
    route: () => direct(inner.machine({ hostKey: { kind: 'first-contact' } })),
    code: 'HOST_KEY_REFUSED',
    hop: 'inner',
    phase: 'host-key',
  },
  {
    what: 'an unknown machine whose key is refused',
    route: () => direct(inner.machine({ hostKey: { kind: 'first-contact' } })),
    options: { pinHostKey: () => Promise.reject(new Error('no')) },
    code: 'HOST_KEY_REFUSED',
    hop: 'inner',
    phase: 'host-key',
  },
  {
    what: 'a closed port',
    route: () => direct(at(closedPort)),
    code: 'CONNECTION_REFUSED',
    hop: 'inner',
    phase: 'dial',
  },
  {
    what: 'a closed port behind the proxy',
    route: () => through(proxy.machine(), at(closedPort)),
    code: 'TARGET_UNREACHABLE',
    hop: 'inner',
    phase: 'dial',
  },
  {
    what: 'a dead proxy',
    route: () => through(proxy.machine({ port: closedPort }), inner.machine()),
    code: 'CONNECTION_REFUSED',
    hop: 'proxy',
    phase: 'dial',
  },
  {
    what: 'an address outside the allowed networks',
    route: () => ({ hops: [{ kind: 'tcp', allow: ['10.0.0.0/8'] }], machine: inner.machine() }),
    code: 'ADDRESS_NOT_ALLOWED',
    hop: 'inner',
    phase: 'resolve',
  },
  {
    what: 'a name for an address outside the allowed networks',
    route: () => ({
      hops: [{ kind: 'tcp', allow: ['10.0.0.0/8'] }],
      machine: inner.machine({ host: 'localhost' }),
    }),
    code: 'ADDRESS_NOT_ALLOWED',
    hop: 'inner',
    phase: 'resolve',
  },
  {
    what: 'an IPv6 spelling of an address outside the allowed networks',
    route: () => ({
      hops: [{ kind: 'tcp', allow: ['10.0.0.0/8', '::/0'] }],
      machine: inner.machine({ host: '::ffff:127.0.0.1' }),
    }),
    code: 'ADDRESS_NOT_ALLOWED',
    hop: 'inner',
    phase: 'resolve',
  },
  {
    what: 'a proxy that forbids forwarding and lacks every relay',
    route: () => through(bare.machine(), inner.machine()),
    code: 'NO_RELAY',
    hop: 'bare',
    phase: 'relay',
  },
  {
    what: 'a machine that accepts TCP and never speaks',
    route: async () => through(proxy.machine(), at(await peer(() => {}))),
    code: 'NOT_SSH',
    hop: 'inner',
    phase: 'banner',
  },
  {
    what: 'a proxy that accepts TCP and never speaks',
    route: async () => through(proxy.machine({ port: await peer(() => {}) }), inner.machine()),
    code: 'NOT_SSH',
    hop: 'proxy',
    phase: 'banner',
  },
  {
    what: 'a peer that speaks HTTP',
    route: async () =>
      direct(at(await peer((socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')))),
    code: 'NOT_SSH',
    hop: 'inner',
    phase: 'banner',
  },
  {
    what: 'a peer that speaks TLS or other binary',
    route: async () =>
      direct(at(await peer((socket) => void socket.write(Buffer.alloc(70_000, '\x16\x03\x01'))))),
    code: 'NOT_SSH',
    hop: 'inner',
    phase: 'banner',
  },
  {
    what: 'banner noise that never ends',
    route: async () =>
      direct(
        at(
          await peer((socket) => {
            const timer = setInterval(() => socket.write('noise\r\n'.repeat(2000)), 1);
            socket.once('close', () => clearInterval(timer));
          }),
        ),
      ),
    code: 'NOT_SSH',
    hop: 'inner',
    phase: 'banner',
  },
  {
    what: 'version 1 of the protocol',
    route: async () => direct(at(await peer((socket) => void socket.write('SSH-1.5-old\r\n')))),
    code: 'NOT_SSH',
    hop: 'inner',
    phase: 'banner',
  },
  {
    what: 'a machine that drops every connection before it speaks',
    route: async () => through(proxy.machine(), at(await peer((socket) => void socket.destroy()))),
    code: 'OVERLOADED',
    hop: 'inner',
    phase: 'banner',
  },
  {
    what: 'a machine that falls silent after its identification',
    route: async () => direct(at(await peer((socket) => void socket.write('SSH-2.0-silent\r\n')))),
    code: 'TIMEOUT',
    hop: 'inner',
    phase: 'key-exchange',
  },
  {
    what: 'a machine that goes away after its identification',
    route: async () => direct(at(await peer((socket) => void socket.end('SSH-2.0-gone\r\n')))),
    code: 'CONNECTION_LOST',
    hop: 'inner',
    phase: 'key-exchange',
  },
  {
    what: 'garbage after the identification',
    route: async () =>
      direct(at(await peer((socket) => void socket.write(`SSH-2.0-x\r\n${'\xff'.repeat(4000)}`)))),
    code: 'KEY_EXCHANGE_FAILED',
    hop: 'inner',
    phase: 'key-exchange',
  },
  {
    what: 'a host that is a shell command',
    route: () => through(proxy.machine(), inner.machine({ host: '127.0.0.1; touch /tmp/owned' })),
    code: 'INVALID_ARGUMENT',
  },
];

describe('what fails gives its own clear error and leaves nothing open', () => {
  it.each(failures)('$what: $code', async ({ route, code, hop, phase, options }) => {
    const access = bed.access({ deadlines: short, ...options });
    const error = await access.exec(await route(), 'true').then(
      () => undefined,
      (reason) => reason,
    );
    expect(error).toMatchObject({ name: 'AccessError', code, hop, phase });
    if (hop) expect(error.message).toContain(hop);
    expect(JSON.stringify([error.message, error.hint])).not.toContain('PRIVATE KEY');
    expect(access.stats()).toMatchObject({ handshakes: 0, waiting: 0 });
    expect(access.stats().connections.every(({ machine }) => machine !== 'inner')).toBe(true);
    await access.close();
    expect(access.stats()).toEqual({ connections: [], channels: 0, handshakes: 0, waiting: 0 });
    for (const server of servers.splice(0)) server.close();
    expect(await eventually(() => openSockets() <= sockets)).toBe(true);
    expect(processesWith(`127.0.0.1 ${inner.port}`)).toEqual([]);
  });
});

describe('what is only odd works', () => {
  it('banner noise before the identification, which is legal, cut into single bytes', async () => {
    const port = await peer((socket) => {
      const onward = connect(inner.port, '127.0.0.1');
      onward.on('error', () => {});
      socket.pipe(onward);
      socket.write('This is a banner.\r\nIt is noise, SSH-2.0- not at its start.\r\n');
      onward.once('data', async (chunk: Buffer) => {
        onward.pause();
        for (const byte of chunk) {
          socket.write(Buffer.from([byte]));
          await new Promise(setImmediate);
        }
        onward.pipe(socket);
      });
      socket.once('close', () => onward.destroy());
    });
    const { stdout } = await bed.access().exec(direct(at(port)), 'echo in');
    expect(String(stdout)).toBe('in\n');
  });

  it.each([
    ['no newline at the end', "printf 'no newline'", 'no newline'],
    ['nothing at all', 'true', ''],
    ['a character that is split between two writes', "printf 'a\\303'; sleep 0.2; printf '\\251b'", 'aéb'],
    ['a very long line', 'head -c 300000 /dev/zero | tr "\\0" x', 'x'.repeat(300_000)],
  ])('output with %s', async (_what, command, expected) => {
    const { stdout, stdoutTruncated } = await bed.access().exec(direct(inner.machine()), command);
    expect(stdout.toString()).toBe(expected);
    expect(stdoutTruncated).toBe(false);
  });

  it('output that is no UTF-8 comes as the bytes it is', async () => {
    const { stdout } = await bed.access().exec(direct(inner.machine()), "printf '\\377\\376\\000'");
    expect([...stdout]).toEqual([255, 254, 0]);
  });

  it.each(['KILL', 'TERM', 'SEGV'])('a command killed by %s is a result', async (signal) => {
    const result = await bed.access().exec(direct(inner.machine()), `kill -${signal} $$`);
    expect(result).toMatchObject({ status: null, signal });
  });

  it.each([' ', "'", '"', '$HOME', '$(id)', 'a\nb', '-rf', '\\', '`', '*', '~', '😀'])(
    'the argument %j arrives as it is',
    async (word) => {
      const { stdout } = await bed.access().exec(direct(inner.machine()), ['printf', '%s', word]);
      expect(stdout.toString()).toBe(word);
    },
  );

  it('1 GiB of output is counted to the last byte and never held', async () => {
    const access = bed.access();
    const route = direct(inner.machine());
    await access.exec(route, 'true');
    const before = process.memoryUsage().rss;
    let worst = 0;
    const timer = setInterval(() => {
      worst = Math.max(worst, process.memoryUsage().rss - before);
    }, 50);
    const result = await access.exec(route, 'head -c 1073741824 /dev/zero');
    clearInterval(timer);
    expect(result).toMatchObject({ status: 0, stdoutBytes: 2 ** 30, stdoutTruncated: true });
    expect(result.stdout).toHaveLength(1024 * 1024);
    expect(worst).toBeLessThan(300 * 1024 * 1024);
  }, 120_000);
});
