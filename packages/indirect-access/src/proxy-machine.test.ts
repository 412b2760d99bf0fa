import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { refusingServer } from './engine/test-refusing-server.ts';
import type { Machine } from './route.ts';
import { direct, TestBed, through } from './test-access.ts';
import { makeKey, type TestSshd } from './test-sshd.ts';

const bed = new TestBed();
const ends: (() => void)[] = [];
let inner: TestSshd;

beforeAll(async () => {
  inner = await bed.sshd('inner');
});
afterEach(async () => {
  await bed.reset();
  for (const end of ends.splice(0)) end();
});
afterAll(() => bed.stop());

/** A proxy that refuses every channel, for this reason. */
async function sullen(reason: string): Promise<Machine> {
  const key = makeKey();
  const server = await refusingServer(key.privateKey, reason);
  ends.push(server.close);
  return inner.machine({
    id: 'sullen',
    name: 'sullen',
    port: server.port,
    hostKey: { kind: 'pinned', keys: [key.publicKey] },
  });
}

/** The machine, `delay` milliseconds away in each direction. */
async function far(machine: Machine, delay: number, answers = { left: Infinity }): Promise<Machine> {
  const server = createServer((near) => {
    const onward = connect(machine.port, machine.host);
    const carry = (from: Socket, to: Socket) =>
      from
        .on('error', () => {})
        .on('data', (chunk) => {
          if (from === onward) answers.left -= 1;
          if (answers.left >= 0) setTimeout(() => to.write(chunk), delay);
        })
        .on('close', () => to.destroy());
    carry(near, onward);
    carry(onward, near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => server.close());
  return { ...machine, port: (server.address() as AddressInfo).port };
}

describe('a proxy', () => {
  it.each([
    ['no reason at all', '', /^[^:]+: .*\)$/, /^[^:]+: refused a session$/],
    ['its reason', 'go away', /: go away$/, /^sullen: refused a session: go away$/],
    ['control characters', '\x1b[2J\r\n\0red', /: \[2J red$/, /: \[2J red$/],
  ])('that refuses and gives %s is quoted properly', async (_what, reason, tunnel, session) => {
    const machine = await sullen(reason);
    const access = bed.access();
    await expect(access.exec(through(machine, inner.machine()), 'true')).rejects.toMatchObject({
      code: 'TARGET_UNREACHABLE',
      message: expect.stringMatching(tunnel),
    });
    await expect(access.exec(direct(machine), 'true')).rejects.toMatchObject({
      code: 'CHANNEL_REFUSED',
      message: expect.stringMatching(session),
    });
  });

  it.each(['direct-tcpip', 'nc'] as const)(
    'that dies while a machine is asked by %s is worth another way: nothing can have happened there',
    async (relay) => {
      const proxy = await bed.sshd('proxy');
      const silent = createServer((socket) => socket.on('error', () => {}).resume());
      await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
      ends.push(() => silent.close());
      const { port } = silent.address() as AddressInfo;
      const access = bed.access();
      const { stdout } = await access.exec(direct(proxy.machine()), 'echo $PPID');
      const asked = new Promise((resolve) => silent.once('connection', resolve));
      const running = access.exec(through(proxy.machine(), inner.machine({ port }), { relay }), 'true');
      const failed = expect(running).rejects.toMatchObject({
        code: 'CONNECTION_LOST',
        phase: 'banner',
        retryable: true,
      });
      await asked;
      await new Promise((resolve) => setTimeout(resolve, 300));
      process.kill(Number(stdout), 'SIGKILL');
      await failed;
    },
  );

  it('that falls silent when it is asked for a relay is worth another way', async () => {
    const server = await bed.sshd('proxy');
    const answers = { left: Infinity };
    const proxy = await far(server.machine(), 0, answers);
    const access = bed.access({ deadlines: { channel: 500 } });
    await access.exec(direct(proxy), 'true');
    await new Promise((resolve) => setTimeout(resolve, 200));
    // It grants a session and then says no more.
    answers.left = 1;
    const running = access.exec(through(proxy, inner.machine(), { relay: 'nc' }), 'true');
    await expect(running).rejects.toMatchObject({ code: 'TIMEOUT', hop: 'proxy', retryable: true });
  });

  it('whose only session is taken is not thought to give no shell', async () => {
    const server = await bed.sshd('proxy', ['MaxSessions 1']);
    const proxy = await far(server.machine(), 100);
    const access = bed.access();
    await access.connect(direct(proxy));
    const reached = access.exec(through(proxy, inner.machine()), 'true');
    await new Promise((resolve) => setTimeout(resolve, 100));
    const own = access.exec(direct(proxy), 'sleep 2; echo ran');
    await reached;
    expect(String((await own).stdout)).toBe('ran\n');
    expect(bed.eventTypes()).not.toContain('jump-only-found');
  });
});
