import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { direct, eventually, openSockets, TestBed, through } from './test-access.ts';
import { makeKey, type TestSshd } from './test-sshd.ts';

const bed = new TestBed();
let proxy: TestSshd;
let inner: TestSshd;

beforeAll(async () => {
  proxy = await bed.sshd('proxy');
  inner = await bed.sshd('inner');
});
afterEach(() => bed.reset());
afterAll(() => bed.stop());

const accepted = (server: TestSshd) => server.log().split('Accepted publickey').length - 1;

describe('the pool', () => {
  it('shares one connection per machine among all who come at once, and one per proxy', async () => {
    const access = bed.access();
    const before = { proxy: accepted(proxy), inner: accepted(inner) };
    const route = through(proxy.machine(), inner.machine());
    const results = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((n) => access.exec(route, `echo ${n}`)));
    expect(results.map(({ stdout }) => String(stdout).trim())).toEqual([
      '1',
      '2',
      '3',
      '4',
      '5',
      '6',
      '7',
      '8',
    ]);
    expect(accepted(proxy)).toBe(before.proxy + 1);
    expect(accepted(inner)).toBe(before.inner + 1);
  });

  it('opens one connection to the proxy for many machines behind it', async () => {
    const access = bed.access();
    const before = accepted(proxy);
    const machines = [1, 2, 3, 4, 5, 6].map((n) => inner.machine({ id: `inner-${n}`, name: `inner-${n}` }));
    await Promise.all(machines.map((machine) => access.exec(through(proxy.machine(), machine), 'true')));
    expect(accepted(proxy)).toBe(before + 1);
    expect(access.stats().connections).toHaveLength(7);
  });

  it('takes 200 machines at once through one connection, with the default limits of sshd, and loses none', async () => {
    const access = bed.access();
    const before = accepted(proxy);
    const routes = Array.from({ length: 200 }, (_, n) => {
      const name = `worker-${n}`;
      return through(proxy.machine(), inner.machine({ id: name, name }));
    });
    for (const _round of ['cold', 'warm']) {
      const results = await Promise.all(routes.map((route, n) => access.exec(route, ['echo', String(n)])));
      expect(results.map(({ stdout }) => Number(stdout))).toEqual(routes.map((_, n) => n));
    }
    expect(accepted(proxy)).toBe(before + 1);
  }, 120_000);

  it('goes through any number of jumps', async () => {
    const access = bed.access();
    const hop = (name: string) =>
      ({ kind: 'ssh', machine: proxy.machine({ id: name, name }), relay: 'auto' }) as const;
    const route = {
      hops: [{ kind: 'tcp' }, hop('a'), hop('b'), hop('c')],
      machine: inner.machine(),
    } as const;
    const facts = await access.connect(route);
    expect(facts).toMatchObject({ route: 'tcp > a > b > c > inner', relay: 'direct-tcpip' });
    expect(facts.serverVersion).toMatch(/^SSH-2\.0-OpenSSH/);
  });

  it('never shares between machines with one address but another id', async () => {
    // One of its own: a line of sshd's log may come late, and would be of the test before.
    const both = await bed.sshd('of-two-tenants', []);
    const access = bed.access();
    await access.connect(direct(both.machine({ id: 'tenant-1' })));
    await access.connect(direct(both.machine({ id: 'tenant-2' })));
    await expect.poll(() => accepted(both)).toBe(2);
  });

  it('opens a further connection only when every session is taken', async () => {
    const access = bed.access({ limits: { sessionsPerConnection: 2 } });
    const route = direct(inner.machine());
    const running = await Promise.all([1, 2, 3].map(() => access.spawn(route, 'cat')));
    expect(access.stats()).toMatchObject({ channels: 3 });
    expect(access.stats().connections).toHaveLength(2);
    for (const process of running) process.stdin.end();
    for (const process of running) process.stdout.resume();
    expect(await Promise.all(running.map(({ exit }) => exit))).toHaveLength(3);
  });

  it('makes those beyond the last connection wait their turn, and loses none', async () => {
    const access = bed.access({ limits: { sessionsPerConnection: 2, connectionsPerMachine: 2 } });
    const route = direct(inner.machine());
    const results = await Promise.all(
      Array.from({ length: 12 }, (_, n) => access.exec(route, `sleep 0.1; echo ${n}`)),
    );
    expect(results.map(({ stdout }) => Number(stdout))).toEqual(Array.from({ length: 12 }, (_, n) => n));
    expect(access.stats().connections).toHaveLength(2);
  });

  it('learns a lower MaxSessions than it expected, without losing a command', async () => {
    const strict = await bed.sshd('strict', ['MaxSessions 2']);
    const access = bed.access();
    const route = direct(strict.machine());
    const results = await Promise.all(
      Array.from({ length: 9 }, (_, n) => access.exec(route, `sleep 0.2; echo ${n}`)),
    );
    expect(results.map(({ stdout }) => Number(stdout))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('closes a connection that was idle for long enough, and then the proxy', async () => {
    const access = bed.access({ limits: { idleSeconds: 0.2 } });
    await access.exec(through(proxy.machine(), inner.machine()), 'true');
    expect(await eventually(() => access.stats().connections.length === 0)).toBe(true);
    expect(bed.eventTypes().filter((type) => type === 'disconnected')).toHaveLength(2);
  });

  it('opens a new connection after the old one died, without failing', async () => {
    const access = bed.access();
    const route = direct(inner.machine());
    const { stdout } = await access.exec(route, 'echo $PPID');
    process.kill(Number(stdout), 'SIGKILL');
    expect(String((await access.exec(route, 'echo again')).stdout)).toBe('again\n');
  });

  it('gives CONNECTION_LOST to a command whose connection dies, and does not repeat it', async () => {
    const access = bed.access();
    const started = await access.spawn(direct(inner.machine()), 'echo $PPID; sleep 10');
    const [pid] = await started.stdout.take(1).toArray();
    process.kill(Number(pid), 'SIGKILL');
    await expect(started.exit).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      phase: 'command',
      hop: 'inner',
    });
  });

  it('notices a peer that fell silent, within its keepalives', async () => {
    const links: Socket[] = [];
    const server = createServer((near) => {
      const far = connect(inner.port, '127.0.0.1');
      for (const end of [near, far]) links.push(end.on('error', () => {}));
      near.pipe(far).pipe(near);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const access = bed.access({ keepalive: { interval: 200, missed: 2 } });
    const running = await access.spawn(direct(inner.machine({ port })), 'sleep 15');
    for (const link of links) link.unpipe().pause();
    await expect(running.exit).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    expect(access.stats().connections).toEqual([]);
    for (const link of links) link.destroy();
    server.close();
  });

  it('never says that nothing can have happened once a command was on its way', async () => {
    const links: Socket[] = [];
    let answers = Number.POSITIVE_INFINITY;
    const server = createServer((near) => {
      const far = connect(inner.port, '127.0.0.1');
      for (const end of [near, far]) links.push(end.on('error', () => {}));
      near.pipe(far);
      far.on('data', (chunk) => {
        answers -= 1;
        if (answers >= 0) near.write(chunk);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const access = bed.access({ deadlines: { channel: 500 } });
    const route = direct(inner.machine({ port }));
    await access.exec(route, 'true');
    await new Promise((resolve) => setTimeout(resolve, 200));
    const failure = { code: 'TIMEOUT', phase: 'channel', hop: 'inner' };
    // The channel is granted, and the answer to the request gets lost.
    answers = 1;
    await expect(access.exec(route, 'true')).rejects.toMatchObject({ ...failure, retryable: false });
    answers = Number.POSITIVE_INFINITY;
    await access.exec(route, 'true');
    await new Promise((resolve) => setTimeout(resolve, 200));
    // Not even the channel is granted.
    answers = 0;
    await expect(access.exec(route, 'true')).rejects.toMatchObject({ ...failure, retryable: true });
    for (const link of links) link.destroy();
    server.close();
  });

  it('needs no free handshake of a machine for a further connection to its proxy', async () => {
    const access = bed.access({ limits: { handshakes: 1, sessionsPerConnection: 1 } });
    const behind = (id: string) => through(proxy.machine(), inner.machine({ id, name: id }), { relay: 'nc' });
    await access.exec(behind('one'), 'true');
    await access.exec(behind('two'), 'true');
    expect(access.stats().connections).toHaveLength(4);
  });

  it('lets a caller give up while others go on with the same handshake', async () => {
    const access = bed.access();
    const before = accepted(inner);
    const controller = new AbortController();
    const route = direct(inner.machine());
    const first = access.connect(route, { signal: controller.signal });
    const second = access.connect(route);
    controller.abort();
    await expect(first).rejects.toMatchObject({ code: 'CANCELLED' });
    await second;
    expect(accepted(inner)).toBe(before + 1);
  });

  it('calls a handshake off when nobody wants it any more', async () => {
    const access = bed.access();
    const controller = new AbortController();
    const opening = access.connect(direct(inner.machine()), { signal: controller.signal });
    controller.abort();
    await expect(opening).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(await eventually(() => access.stats().handshakes === 0)).toBe(true);
    expect(access.stats().connections).toHaveLength(0);
  });

  it('pins the key of a first contact once, and holds on to it', async () => {
    const pinned: string[] = [];
    const access = bed.access({
      pinHostKey: async (_machine, key) => {
        pinned.push(key);
        return key;
      },
    });
    const unknown = inner.machine({ hostKey: { kind: 'first-contact' } });
    const route = through(proxy.machine({ hostKey: { kind: 'first-contact' } }), unknown);
    const before = accepted(inner);
    const first = access.exec(route, 'true');
    // Those who come at any moment of the first contact share it too.
    for (let n = 0; n < 20; n += 1) {
      await new Promise((resolve) => setTimeout(resolve, 3));
      void access.connect(route);
    }
    await first;
    expect(accepted(inner)).toBe(before + 1);
    expect(pinned.sort()).toEqual([proxy.hostKey, inner.hostKey].map((key) => key.trim()).sort());
    expect(access.stats().connections).toHaveLength(2);
    // The same machines, pinned by now, are the same connections.
    await access.exec(through(proxy.machine(), inner.machine()), 'true');
    expect(access.stats().connections).toHaveLength(2);
    const other = await bed.sshd('other');
    const impostor = direct({ ...other.machine(), id: 'inner', hostKey: { kind: 'first-contact' } });
    await expect(access.exec(impostor, 'true')).rejects.toMatchObject({ code: 'HOST_KEY_MISMATCH' });
  });

  it('takes the key that somebody else pinned first as the true one', async () => {
    const access = bed.access({ pinHostKey: async () => makeKey().publicKey });
    const unknown = inner.machine({ hostKey: { kind: 'first-contact' } });
    await expect(access.connect(direct(unknown))).rejects.toMatchObject({ code: 'HOST_KEY_MISMATCH' });
  });

  it('forgets a machine: its connections, and what was learned about it', async () => {
    const access = bed.access();
    await access.exec(through(proxy.machine(), inner.machine()), 'true');
    await access.forget('inner');
    expect(access.stats().connections.map(({ machine }) => machine)).toEqual(['proxy']);
    await access.exec(through(proxy.machine(), inner.machine()), 'true');
    await access.forget('proxy');
    expect(access.stats().connections).toEqual([]);
  });

  it('leaves nothing open when closed, also under way', async () => {
    const before = openSockets();
    const access = bed.access();
    const route = through(proxy.machine(), inner.machine());
    await access.exec(route, 'true');
    const running = access.exec(route, 'sleep 10');
    const opening = access.connect(through(proxy.machine(), inner.machine({ id: 'another' })));
    const failures = Promise.allSettled([running, opening]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await access.close();
    for (const { status } of await failures) expect(status).toBe('rejected');
    expect(access.stats()).toEqual({ connections: [], channels: 0, handshakes: 0, waiting: 0 });
    expect(await eventually(() => openSockets() === before)).toBe(true);
    await expect(access.exec(route, 'true')).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('opens no port when it is closed meanwhile', async () => {
    const access = bed.access();
    const opening = access.forward(direct(inner.machine()), { port: inner.port });
    await access.close();
    await expect(opening).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(access.forward(direct(inner.machine()), { port: inner.port })).rejects.toMatchObject({
      code: 'CLOSED',
    });
  });

  it('learns nothing from a first contact with a machine that was forgotten meanwhile', async () => {
    const other = await bed.sshd('rebuilt');
    let shown = () => {};
    const asked = new Promise<void>((resolve) => {
      shown = resolve;
    });
    let answer = (_key: string) => {};
    const answered = new Promise<string>((resolve) => {
      answer = resolve;
    });
    const access = bed.access({
      pinHostKey: (machine, key) => {
        if (machine.port !== inner.port) return Promise.resolve(key);
        shown();
        return answered;
      },
    });
    const unknown = inner.machine({ hostKey: { kind: 'first-contact' } });
    const first = access.connect(direct(unknown));
    await asked;
    await Promise.all([access.forget('inner'), expect(first).rejects.toMatchObject({ code: 'CLOSED' })]);
    answer(inner.hostKey);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await access.exec(direct({ ...unknown, port: other.port }), 'true')).status).toBe(0);
  });

  it('is not broken by a listener that throws', async () => {
    const access = bed.access({
      onEvent: () => {
        throw new Error('from the listener');
      },
    });
    expect((await access.exec(direct(inner.machine()), 'true')).status).toBe(0);
  });
});
