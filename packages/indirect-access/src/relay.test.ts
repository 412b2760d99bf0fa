import { createServer, type Server } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { relayPrograms } from './relay.ts';
import type { ProgramRelay } from './route.ts';
import { eventually, processesWith, TestBed, through } from './test-access.ts';
import { freePort, type TestSshd } from './test-sshd.ts';

const bed = new TestBed();
const relays: ProgramRelay[] = ['nc', 'ncat', 'socat', 'devtcp'];
let proxy: TestSshd;
let inner: TestSshd;
let silent: Server;
let silentPort: number;

beforeAll(async () => {
  proxy = await bed.sshd('proxy', ['AllowTcpForwarding no']);
  inner = await bed.sshd('inner');
  // Takes connections and never says, or ends, anything: the worst target for a relay that should go away.
  silent = createServer({ allowHalfOpen: true }, (socket) => void socket.on('error', () => {}).resume());
  silentPort = await new Promise((resolve) => {
    silent.listen(0, '127.0.0.1', () => {
      const address = silent.address();
      resolve(typeof address === 'object' && address ? address.port : 0);
    });
  });
});
afterEach(() => bed.reset());
afterAll(async () => {
  await bed.stop();
  silent.close();
});

describe('a proxy whose sshd forbids forwarding', () => {
  it('is used through what it has, found once and remembered', async () => {
    const access = bed.access();
    const machines = [1, 2, 3].map((n) => inner.machine({ id: `inner-${n}`, name: `inner-${n}` }));
    for (const machine of machines) {
      expect((await access.exec(through(proxy.machine(), machine), 'echo in')).status).toBe(0);
    }
    expect(bed.events.filter(({ type }) => type === 'relay-chosen')).toMatchObject([
      { machine: { name: 'proxy' }, relay: 'nc' },
    ]);
    expect((await access.connect(through(proxy.machine(), machines[0] ?? inner.machine()))).relay).toBe('nc');
  });

  it.each(relays)('passes on bytes both ways unharmed through %s, and leaves none behind', async (relay) => {
    const access = bed.access();
    const route = through(proxy.machine(), inner.machine(), { relay });
    const data = Buffer.alloc(300_000, 'ab\0\xffé\n');
    const { stdout } = await access.exec(route, 'cat', { stdin: data });
    expect(stdout.equals(data)).toBe(true);
    expect(
      processesWith(`127.0.0.1 ${inner.port}`).length + processesWith(`127.0.0.1:${inner.port}`).length,
    ).toBeGreaterThan(0);
    await access.close();
    expect(await eventually(() => processesWith(`127.0.0.1 ${inner.port}`).length === 0)).toBe(true);
    expect(await eventually(() => processesWith(`127.0.0.1:${inner.port}`).length === 0)).toBe(true);
  });

  it.each(relays)('ends %s also when the target keeps its own end open', async (relay) => {
    const access = bed.access();
    const route = through(proxy.machine(), { ...inner.machine(), port: silentPort }, { relay });
    const stream = await access.tunnel(route, { port: silentPort });
    stream.write('hello');
    stream.destroy();
    const left = () => [
      ...processesWith(`127.0.0.1 ${silentPort}`),
      ...processesWith(`127.0.0.1:${silentPort}`),
    ];
    expect(await eventually(() => left().length === 0)).toBe(true);
    expect(await eventually(() => access.stats().channels === 0)).toBe(true);
  });

  it.each(relays)('says TARGET_UNREACHABLE when %s finds nothing listening', async (relay) => {
    const access = bed.access();
    const port = await freePort();
    const route = through(proxy.machine(), inner.machine({ port }), { relay });
    await expect(access.connect(route)).rejects.toMatchObject({
      code: 'TARGET_UNREACHABLE',
      hop: 'inner',
      message: expect.stringContaining('proxy'),
    });
    expect(await eventually(() => access.stats().channels === 0)).toBe(true);
  });

  it('opens further connections to the proxy when relays use up its sessions', async () => {
    const access = bed.access({ limits: { sessionsPerConnection: 2 } });
    const machines = [1, 2, 3, 4, 5].map((n) => inner.machine({ id: `inner-${n}`, name: `inner-${n}` }));
    await Promise.all(machines.map((machine) => access.exec(through(proxy.machine(), machine), 'true')));
    expect(access.stats().connections.filter(({ machine }) => machine === 'proxy').length).toBeGreaterThan(2);
  });

  it('makes room for a new machine by closing the one that was idle longest', async () => {
    const limits = { sessionsPerConnection: 2, relayConnectionsPerProxy: 1 };
    const access = bed.access({ limits });
    for (const n of [1, 2, 3, 4, 5]) {
      const machine = inner.machine({ id: `inner-${n}`, name: `inner-${n}` });
      expect((await access.exec(through(proxy.machine(), machine), 'true')).status).toBe(0);
    }
  });

  it('is an error of its own when the setting demands forwarding', async () => {
    const access = bed.access();
    const route = through(proxy.machine(), inner.machine(), { relay: 'direct-tcpip' });
    await expect(access.connect(route)).rejects.toMatchObject({ code: 'FORWARDING_FORBIDDEN', hop: 'proxy' });
  });

  it('reaches the loopback of the machine from inside its own session', async () => {
    const access = bed.access();
    const stream = await access.tunnel(through(proxy.machine(), inner.machine()), {
      port: inner.port,
      host: 'loopback',
    });
    const [first] = await stream.take(1).toArray();
    expect(String(first)).toMatch(/^SSH-2\.0/);
    stream.destroy();
  });
});

describe('relayPrograms', () => {
  it.each([
    [
      'OpenBSD of Debian',
      'has nc\nnc: usage: nc [-46CDdFhklNnrStUuvZz] [-I length] [-q seconds] [-T x]',
      ['-v', '-N', '-n'],
    ],
    [
      'OpenBSD elsewhere',
      'has nc\nnc: usage: nc [-46cDdFhklNnrStUuvz] [-e policy] [-I length]',
      ['-v', '-N', '-n'],
    ],
    ['traditional', 'has nc\nnc: [v1.10-47]\nnc: -q secs wait after EOF', ['-v', '-q', '2', '-n']],
    ['BusyBox', 'has nc\nnc: BusyBox v1.36.1 (Debian) multi-call binary.', []],
    ['nmap', 'has nc\nnc: Ncat 7.93 ( https://nmap.org/ncat )', ['-v', '-w', '10s', '-n']],
  ])('speaks to the nc of %s in its own words', (_name, probed, options) => {
    expect(relayPrograms(probed)[0]?.command('10.0.0.1', 22)).toEqual(['nc', ...options, '10.0.0.1', '22']);
  });

  it('keeps the order nc, ncat, socat, bash', () => {
    expect(relayPrograms('has bash\nhas socat\nhas ncat\nhas nc').map(({ relay }) => relay)).toEqual(relays);
  });

  it('puts an IPv6 address into the brackets that socat wants', () => {
    expect(relayPrograms('has socat')[0]?.command('fd00::1', 22).at(-1)).toBe(
      'TCP6:[fd00::1]:22,connect-timeout=10',
    );
  });
});
