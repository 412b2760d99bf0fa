import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import ssh2, { type Client, type ConnectConfig } from 'ssh2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { generateManagementKey } from '../access/management-key.ts';
import type { AgentConnection } from './agent-connection.ts';
import { AgentEndpoint, type EndpointLimits } from './agent-endpoint.ts';

const bare = (publicKey: string) => publicKey.split(' ').slice(0, 2).join(' ');
const host = generateManagementKey('host');
const peer = generateManagementKey('peer');
const machine = generateManagementKey('machine');
const stranger = generateManagementKey('stranger');

let endpoint: AgentEndpoint;
let port: number;
let connected: AgentConnection[];
let asked: { token: string; key: string }[];
let folder: string;
const ends: (() => void)[] = [];

async function open(limits: Partial<EndpointLimits> = {}, balancer = ''): Promise<void> {
  await endpoint?.close();
  connected = [];
  asked = [];
  endpoint = new AgentEndpoint({
    hostKey: host.privateKey,
    peerKey: bare(peer.publicKey),
    log: pino({ level: 'silent' }),
    findAgent: async (key) => (key === bare(machine.publicKey) ? 'instance-1' : undefined),
    enroll: async (token, key) => {
      asked.push({ token, key });
      return token === 'good' ? { script: 'echo agent\n' } : 'no such token';
    },
    onAgent: (agent) => connected.push(agent),
    onAgentGone: (agent) => {
      connected = connected.filter((each) => each !== agent);
    },
    findConnection: (id) => connected.find(({ instanceId }) => instanceId === id),
    isBalancer: (address) => address === balancer,
    limits,
  });
  port = await endpoint.listen('127.0.0.1', 0);
}

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'wadi-agent-'));
  for (const [name, key] of Object.entries({ machine, stranger, peer }))
    writeFileSync(path.join(folder, name), key.privateKey, { mode: 0o600 });
  writeFileSync(path.join(folder, 'known_hosts'), `[127.0.0.1]:${port} ${bare(host.publicKey)}\n`);
  await open();
  writeFileSync(path.join(folder, 'known_hosts'), `[127.0.0.1]:${port} ${bare(host.publicKey)}\n`);
});
afterEach(async () => {
  for (const end of ends.splice(0)) end();
  await endpoint.close();
  rmSync(folder, { recursive: true, force: true });
});

const common = [
  '-T',
  '-F',
  'none',
  '-o',
  'BatchMode=yes',
  '-o',
  'StrictHostKeyChecking=yes',
  '-o',
  'IdentitiesOnly=yes',
];

/** The plain OpenSSH client. */
function ssh(user: string, key: string, args: readonly string[] = []): ChildProcess {
  const known = [
    '-o',
    `UserKnownHostsFile=${folder}/known_hosts`,
    '-i',
    `${folder}/${key}`,
    '-p',
    String(port),
  ];
  const child = spawn('ssh', [...common, ...known, ...args, `${user}@127.0.0.1`]);
  ends.push(() => child.kill('SIGKILL'));
  return child;
}

async function ended(child: ChildProcess): Promise<{ status: number | null; out: string; err: string }> {
  let [out, err] = ['', ''];
  child.stdout?.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    err += chunk;
  });
  const [status] = await once(child, 'close');
  return { status, out, err };
}

async function until(check: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !check(); await sleep(20))
    if (Date.now() > end) throw new Error(`it did not come about: ${check}`);
}

/** A hostile client has a library of its own. */
function client(config: ConnectConfig): Promise<Client> {
  const made = new ssh2.Client();
  ends.push(() => made.destroy());
  return new Promise((resolve, reject) => {
    made.on('error', reject);
    made.once('ready', () => resolve(made));
    made.once('close', () => reject(new Error('closed')));
    made.connect({ host: '127.0.0.1', port, ...config });
  });
}

function raw(): Socket {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  ends.push(() => socket.destroy());
  return socket;
}

/** Whether by an end or by a reset. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

async function echoServer(): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => void socket.on('error', () => undefined).pipe(socket));
  ends.push(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as { port: number }).port };
}

describe('a machine that dials in', () => {
  it('gives a stream to its own port, and opens none here', async () => {
    const echo = await echoServer();
    const strict = ['-o', 'ExitOnForwardFailure=yes'];
    ssh('agent', 'machine', ['-N', ...strict, '-R', `127.0.0.1:1:127.0.0.1:${echo.port}`]);
    await until(() => connected.length === 1);
    expect(connected[0]).toMatchObject({ instanceId: 'instance-1', source: '127.0.0.1' });
    const bytes = randomBytes(2_000_000);
    await expect(connected[0]?.open(AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late');
    const stream = (await connected[0]?.open(AbortSignal.timeout(30_000))) as Socket;
    const parts: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => parts.push(chunk));
    stream.write(bytes);
    await until(() => Buffer.concat(parts).length >= bytes.length);
    expect(Buffer.concat(parts).equals(bytes)).toBe(true);
    const knock = connect(1, '127.0.0.1');
    await expect(once(knock, 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('says that its own port is closed, and that it is gone', async () => {
    const echo = await echoServer();
    echo.server.close();
    const agent = ssh('agent', 'machine', ['-N', '-R', `127.0.0.1:1:127.0.0.1:${echo.port}`]);
    await until(() => connected.length === 1);
    const [held] = connected as [AgentConnection];
    await expect(held.open(AbortSignal.timeout(30_000))).rejects.toMatchObject({
      code: 'CONNECTION_REFUSED',
      retryable: true,
    });
    agent.kill('SIGKILL');
    await until(() => connected.length === 0);
    await expect(held.open(AbortSignal.timeout(30_000))).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      retryable: true,
    });
  });

  it('is reached by another controller over the same endpoint, and by nobody else', async () => {
    const echo = await echoServer();
    ssh('agent', 'machine', ['-N', '-R', `127.0.0.1:1:127.0.0.1:${echo.port}`]);
    await until(() => connected.length === 1);
    const other = await client({ username: 'controller', privateKey: peer.privateKey });
    const ask = (id: string) =>
      new Promise<Socket>((resolve, reject) =>
        other.forwardOut('127.0.0.1', 1, id, 22, (error, channel) =>
          error ? reject(error) : resolve(channel as unknown as Socket),
        ),
      );
    const stream = await ask('instance-1');
    stream.write('through');
    expect(String((await once(stream, 'data'))[0])).toBe('through');
    await expect(ask('instance-2')).rejects.toThrow();
    for (const [username, privateKey] of [
      ['controller', machine.privateKey],
      ['controller', stranger.privateKey],
      ['agent', peer.privateKey],
      ['agent', stranger.privateKey],
      ['root', machine.privateKey],
    ] as const)
      await expect(client({ username, privateKey })).rejects.toThrow();
  });
});

describe('a machine that enrolls', () => {
  it('shows its key, sends the token by standard input, and gets what it is to run', async () => {
    const good = ssh('enroll', 'stranger');
    good.stdin?.end('good\n');
    expect(await ended(good)).toMatchObject({ status: 0, out: 'echo agent\n' });
    expect(asked).toEqual([{ token: 'good', key: bare(stranger.publicKey) }]);
  });

  it('is told why not', async () => {
    const bad = ssh('enroll', 'stranger');
    bad.stdin?.end('bad\n');
    expect(await ended(bad)).toMatchObject({ status: 1, err: expect.stringContaining('no such token') });
  });

  it('cannot send more than a token', async () => {
    const big = ssh('enroll', 'stranger');
    big.stdin?.on('error', () => undefined).end('x'.repeat(10_000));
    expect((await ended(big)).status).not.toBe(0);
    expect(asked.every(({ token }) => token.length <= 40_000)).toBe(true);
    expect(asked.length).toBeLessThanOrEqual(1);
  });
});

describe('whoever wants something else', () => {
  const refused =
    (work: (made: Client, done: (error?: Error | null) => void) => unknown, user = 'agent') =>
    async () => {
      const made = await client({
        username: user,
        privateKey: user === 'agent' ? machine.privateKey : peer.privateKey,
      });
      await expect(
        new Promise<void>((resolve, reject) => work(made, (error) => (error ? reject(error) : resolve()))),
      ).rejects.toThrow();
    };

  it.each(['agent', 'controller'])('gets no command, shell or file as %s', async (user) => {
    await refused((made, done) => made.exec('id', done), user)();
    await refused((made, done) => made.shell(done), user)();
    await refused((made, done) => made.sftp(done), user)();
  });
  it(
    'gets no connection to anywhere',
    refused((made, done) => made.forwardOut('127.0.0.1', 1, '127.0.0.1', 22, done)),
  );
  it(
    'gets no socket file',
    refused((made, done) => made.openssh_forwardInStreamLocal('/tmp/x', done)),
  );
  it('gets no second forward', async () => {
    const made = await client({ username: 'agent', privateKey: machine.privateKey });
    const forward = (bind: number) =>
      new Promise<void>((resolve, reject) =>
        made.forwardIn('127.0.0.1', bind, (error) => (error ? reject(error) : resolve())),
      );
    await forward(1);
    await expect(forward(2)).rejects.toThrow();
    await expect(forward(0)).rejects.toThrow();
  });
  it('is not let in by a password, by nothing, or by a key without its signature', async () => {
    await expect(client({ username: 'agent', password: 'x' })).rejects.toThrow();
    await expect(client({ username: 'agent' })).rejects.toThrow();
    await expect(client({ username: 'enroll', password: 'x' })).rejects.toThrow();
    expect(endpoint.stats().connections).toBeLessThan(4);
  });
});

describe('behind a balancer', () => {
  /** A connection as a balancer passes it on. */
  function from(address: string): Socket {
    const socket = raw();
    socket.write(`PROXY TCP4 ${address} 198.51.100.1 50000 8022\r\n`);
    return socket;
  }
  const asAgent = { username: 'agent', privateKey: machine.privateKey };

  it('a machine is where the balancer says', async () => {
    await open({}, '127.0.0.1');
    const made = await client({ ...asAgent, sock: from('192.0.2.7') });
    made.forwardIn('127.0.0.1', 1, () => undefined);
    await until(() => connected.length === 1);
    expect(connected[0]?.source).toBe('192.0.2.7');
  });

  it('those who keep silent keep nobody out but their own address', async () => {
    await open({ strangersPerAddress: 5 }, '127.0.0.1');
    const silent = Array.from({ length: 8 }, () => from('192.0.2.1').resume());
    await Promise.all(silent.slice(5).map(closed));
    await expect(client({ ...asAgent, sock: from('192.0.2.1') })).rejects.toThrow();
    (await client({ ...asAgent, sock: from('192.0.2.2') })).end();
  });

  it('only other controllers need not be announced', async () => {
    await open({}, '127.0.0.1');
    (await client({ username: 'controller', privateKey: peer.privateKey })).end();
    await expect(client(asAgent)).rejects.toThrow();
    await expect(client({ username: 'enroll', privateKey: stranger.privateKey })).rejects.toThrow();
  });

  it('one that says nothing, or half of it, is gone when the endpoint closes', async () => {
    await open({}, '127.0.0.1');
    const half = raw().resume();
    half.write('PROXY TCP4 192.');
    const silent = raw().resume();
    await Promise.all([once(silent, 'connect'), once(half, 'connect')]);
    await endpoint.close();
    await Promise.all([closed(half), closed(silent)]);
  });

  it('that is not trusted, nobody is announced', async () => {
    await open({}, '192.0.2.9');
    await expect(client({ ...asAgent, sock: from('192.0.2.7') })).rejects.toThrow();
    (await client(asAgent)).end();
  });
});

describe('a hostile client', () => {
  it.each([
    ['garbage', randomBytes(20_000)],
    ['a first line without an end', Buffer.alloc(60_000, 'S')],
    ['another protocol', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    [
      'a huge packet',
      Buffer.concat([
        Buffer.from('SSH-2.0-x\r\n'),
        Buffer.from([0x7f, 0xff, 0xff, 0xff]),
        Buffer.alloc(60_000),
      ]),
    ],
    ['a packet of no length', Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), Buffer.alloc(64)])],
    ['random packets', Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), randomBytes(30_000)])],
  ])('that sends %s is gone soon, and others are served', async (_, bytes) => {
    await open({ grace: 2_000 });
    const socket = raw().resume();
    socket.write(bytes);
    await closed(socket);
    await until(() => endpoint.stats().connections === 0);
    writeFileSync(path.join(folder, 'known_hosts'), `[127.0.0.1]:${port} ${bare(host.publicKey)}\n`);
    const good = ssh('enroll', 'stranger');
    good.stdin?.end('good\n');
    expect((await ended(good)).status).toBe(0);
  });

  it('that is slow has its time, and no more', async () => {
    await open({ grace: 1_000 });
    const slow = raw().resume();
    const drip = setInterval(() => slow.write('S'), 50);
    ends.push(() => clearInterval(drip));
    const silent = raw().resume();
    await Promise.all([closed(slow), closed(silent)]);
    await until(() => endpoint.stats().connections === 0);
    expect(endpoint.stats().strangers).toBe(0);
  });

  it('that comes many times is held to a few, and takes nobody’s place for ever', async () => {
    await open({ grace: 1_500, strangersPerAddress: 5 });
    const many = Array.from({ length: 200 }, () => raw().resume());
    await Promise.all(many.slice(0, 50).map((socket) => Promise.race([closed(socket), sleep(1_000)])));
    expect(endpoint.stats().strangers).toBeLessThanOrEqual(5);
    await until(() => endpoint.stats().connections === 0);
    const made = await client({ username: 'agent', privateKey: machine.privateKey });
    expect(endpoint.stats()).toEqual({ connections: 1, strangers: 0 });
    made.end();
  });

  it('that is let in and asks for nothing is not held', async () => {
    await open({ grace: 500 });
    const made = await client({ username: 'agent', privateKey: machine.privateKey });
    await once(made, 'close');
    expect(connected).toEqual([]);
  });

  it('that tries keys for ever is not heard for ever', async () => {
    await open({ attempts: 3 });
    const made = new ssh2.Client().on('error', () => undefined);
    ends.push(() => made.destroy());
    let tries = 0;
    made.connect({
      host: '127.0.0.1',
      port,
      username: 'agent',
      authHandler: ((_left: unknown, _partial: unknown, next: (auth: unknown) => void) => {
        tries += 1;
        next({ type: 'publickey', username: 'agent', key: generateManagementKey('x').privateKey });
      }) as never,
    });
    await once(made, 'close');
    expect(tries).toBeLessThanOrEqual(4);
  });

  it('costs a bounded amount of memory', async () => {
    await open({ grace: 5_000 });
    const before = process.memoryUsage().rss;
    for (let round = 0; round < 8; round += 1) {
      const sockets = Array.from({ length: 8 }, () => raw().resume());
      for (const socket of sockets)
        socket.write(Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), randomBytes(200_000)]));
      await Promise.all(sockets.map(closed));
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(200 << 20);
    await until(() => endpoint.stats().connections === 0);
  });
});
