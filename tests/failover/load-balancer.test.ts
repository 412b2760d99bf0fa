import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:http2';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest';
import { runWadi, type WadiOptions } from '../cli/run-wadi.ts';
import { type Lab, labUp } from '../set-up/lab.ts';
import { plantSecret } from '../set-up/run-folder.ts';
import type { Entrance } from './entrance.ts';
import { startTwoControllers, type TwoControllers, until } from './two-controllers.ts';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 120_000 });

/** `nobody`: who enrolls a machine without being root there. */
const nobody = { uid: 65534, gid: 65534 };
const page = '/instances/machine-1/http/8080/';
/** `npm run test:failover` */
const everything = process.env.WADI_FAILOVER === 'all';
type Name = 'a' | 'b';

let lab: Lab;
let two: TwoControllers;
/** Reached by the controllers, and one that dials in. */
let cluster: string;
let dialling: string;
let agentHome: string;
let follower: ReturnType<typeof follow>;

beforeAll(async () => {
  const settings = 'allow_networks: [127.0.0.0/8]';
  [lab, two] = await Promise.all([labUp({ machines: 1 }), startTwoControllers(settings)]);
  plantSecret('lab-key', lab.privateKey);
  cluster = await imported('c');
  await active(cluster);
  follower = follow();
});
afterAll(async () => {
  if (agentHome) await once(spawn('sh', ['agent', 'remove'], { cwd: agentHome, ...nobody }), 'close');
  await follower?.end();
  await two?.close();
  await lab?.down();
});

/** The proxy is a port of this computer, and so is what its agent forwards to. */
async function imported(name: string, dialsIn = false): Promise<string> {
  const { user, proxies, machines } = lab.inventory;
  const common = { user, identity: 'lab' };
  const { host, port } = await lab.door('proxy-1');
  const at = { port, address: dialsIn ? proxies[0]?.internalIp : host };
  const answer = await two.balancer.request('POST', '/v2/clusters/import', {
    name,
    identities: { lab: { private_key: lab.privateKey } },
    machines: [
      { ...common, name: 'proxy-1', ...at, is_proxy: true, host_keys: proxies[0]?.hostKeys },
      { ...common, name: 'machine-1', address: machines[0]?.internalIp, host_keys: machines[0]?.hostKeys },
    ],
    ...(dialsIn ? { access: { method: 'agent' } } : {}),
  });
  expect([answer.status, answer.body]).toEqual([202, expect.anything()]);
  return `/v2/clusters/${answer.body.cluster.id}`;
}

const active = (path: string) =>
  until(async () => (await two.balancer.request('GET', path)).body.cluster.status === 'Active');

function wadi(args: readonly string[], options: WadiOptions = {}) {
  const { balancer, authority, controllers } = two;
  const env = { WADI_URL: balancer.url, WADI_TOKEN: controllers.a.token, NODE_EXTRA_CA_CERTS: authority };
  return runWadi(args, { ...options, env });
}

const onMachine = (command: string, options: WadiOptions = {}) =>
  wadi(['run', 'c', '-w', 'machine-1', '--no-prefix', '--', command], options);
/** Ends when `flag` is made, with status 7. */
const waitFor = (flag: string, mark: string) =>
  `echo ${mark} >> ran; echo begun; while [ ! -e ${flag} ]; do sleep 0.2; done; echo over; exit 7`;

/** `wadi events -f`: what it has printed so far. */
function follow() {
  let child: ChildProcess | undefined;
  let output = () => '';
  const ended = wadi(['events', 'c', '-f', '--json'], {
    deadline: 300_000,
    onStart: (started, printed) => {
      [child, output] = [started, printed];
    },
  });
  return {
    types: () => [...output().matchAll(/"type":"([^"]+)"/g)].map(([, type]) => type),
    running: () => child?.exitCode === null,
    output: () => output(),
    async end() {
      child?.kill('SIGTERM');
      return ended;
    },
  };
}

async function eventsOf(path: string): Promise<{ type: string }[]> {
  return (await two.balancer.request('GET', `${path}/events`)).body.events;
}

/** Where requests with a forged header are said to come from. */
async function sourceOf(entrance: Entrance): Promise<string> {
  const mark = randomBytes(6).toString('hex');
  const headers = { 'X-Forwarded-For': '203.0.113.9' };
  expect((await entrance.fetch(`${cluster}${page}${mark}`, { headers })).status).toBe(404);
  const log = await (await two.balancer.fetch('/v2/audit?limit=1000')).text();
  return JSON.parse(log.split('\n').find((line) => line.includes(mark)) ?? '{}').record.source;
}

it('what is begun at one controller is seen whole at the other, and who asked is known', async () => {
  const [a, b] = [two.direct('a'), two.direct('b')];
  const runs = `${cluster}/runs`;
  const command = 'for n in 1 2 3; do head -c 100000 /dev/zero | tr "\\\\0" $n; done';
  const { body } = await a.request('POST', runs, { command, targets: ['machine-1'] });
  const ended = await b.request('GET', `${runs}/${body.run.id}?wait=30`);
  expect(ended.body.run).toMatchObject({ status: 'finished' });
  const output = `${runs}/${body.run.id}/output?instance=machine-1&stream=stdout`;
  const whole = [1, 2, 3].map((n) => `${n}`.repeat(100_000)).join('');
  for (const each of [a, b, two.balancer])
    expect((await (await each.fetch(output)).text()) === whole).toBe(true);
  expect(await sourceOf(two.from('127.0.0.9'))).toBe('127.0.0.9');
  expect(await sourceOf(two.direct('a', '127.0.0.9'))).toBe('127.0.0.9');

  const file = path.join(mkdtempSync(path.join(inject('runFolder'), 'copied-')), 'file');
  writeFileSync(file, randomBytes(3_000_000));
  expect(await wadi(['cp', file, 'c/machine-1:file'])).toMatchObject({ code: 0 });
  const read = await two.balancer.fetch(`${cluster}/instances/machine-1/file?path=file`);
  expect(readFileSync(file).equals(Buffer.from(await read.arrayBuffer()))).toBe(true);
});

it('a machine that dials in through the balancer is reached by both', async () => {
  dialling = await imported('dialling', true);
  await until(async () => (await eventsOf(dialling)).some(({ type }) => type === 'instance.waiting'));
  const { body } = await two.balancer.request('POST', `${dialling}/instances/proxy-1/agent`);
  const home = mkdtempSync(path.join(inject('runFolder'), 'agent-'));
  chownSync(home, nobody.uid, nobody.gid);
  const env = { HOME: home, PATH: process.env.PATH };
  const line = spawn('sh', ['-c', body.agent.line], { env, ...nobody, stdio: ['ignore', 'ignore', 'pipe'] });
  const [complaint, [status]] = await Promise.all([text(line.stderr), once(line, 'close')]);
  expect([complaint, status]).toEqual(['', 0]);
  agentHome = path.join(home, '.wadi-agent');
  await active(dialling);
  for (const each of [two.direct('a'), two.direct('b')]) {
    const answer = await each.fetch(`${dialling}${page}`);
    expect([answer.status, await answer.text()]).toEqual([200, 'hello from machine-1\n']);
  }
});

it('HTTP/2 is spoken with clients that want it', async () => {
  const session = connect(two.balancer.url, { ca: readFileSync(two.authority) });
  const asked = session.request({ ':path': cluster, 'x-auth-token': two.controllers.a.token });
  const [headers] = await once(asked, 'response');
  expect([headers[':status'], JSON.parse(await text(asked)).cluster.name]).toEqual([200, 'c']);
  session.destroy();
});

let stopped: Name;
let killed: Name;

/** By the one controller that is there. Resolves when the command has begun; then what ends with it. */
async function begunRun(command: string) {
  let printed = () => '';
  const onStart: WadiOptions['onStart'] = (_, output) => {
    printed = output;
  };
  const ended = onMachine(command, { onStart });
  await until(async () => printed() === 'begun\n');
  return { ended };
}

async function startAgain(name: Name): Promise<void> {
  await two.restart(name);
  await until(async () => (await two.balancer.fetch('/readyz')).headers.get('X-Served-By') === name);
}

it('a controller that is told to stop is left in peace: nobody notices', async () => {
  // A page whose second half comes when we say so.
  const [program = '', ...argv] = lab.machineArgv('machine-1', ['socat', 'TCP-LISTEN:9099', 'STDIO']);
  const server = spawn(program, argv, { stdio: ['pipe', 'pipe', 'ignore'] });
  const [asked, answering] = [server.stdout as Readable, server.stdin as Writable];
  const answer = two.balancer.fetch(`${cluster}/instances/machine-1/http/9099/`);
  await once(asked, 'data');
  answering.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf');
  const stream = await answer;
  stopped = stream.headers.get('X-Served-By') as Name;
  const { process: child, exited } = two.controllers[stopped];
  const past = two.direct(stopped);
  child.kill('SIGTERM');
  await until(async () => (await past.request('GET', '/readyz')).status === 503);
  const template = {
    plugin_name: 'bare',
    plugin_version: '1.0',
    flavor_id: '1',
    node_processes: ['machine'],
  };
  // What is not repeated must not fail, on connections that are kept and on new ones.
  let over = false;
  void exited.then(() => {
    over = true;
  });
  const seen: number[] = [];
  for (let n = 0; !over; n += 1) {
    const made = await two.balancer.fetch('/v2/node-group-templates', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ ...template, name: `t${n}` }),
    });
    seen.push(made.status);
    await made.text();
    await sleep(20);
    if (n === 20) answering.end('half');
  }
  expect(seen.filter((status) => status !== 202)).toEqual([]);
  expect(await stream.text()).toBe('halfhalf');
  expect(await exited).toBe(0);
});

it('a command is followed to its end although its controller is killed, and is run once', async () => {
  killed = stopped === 'a' ? 'b' : 'a';
  const mark = randomBytes(6).toString('hex');
  const { ended } = await begunRun(waitFor('go', mark));
  await startAgain(stopped);
  await two.controllers[killed].kill();
  expect(await onMachine('touch go')).toMatchObject({ code: 0 });
  expect(await ended).toMatchObject({ code: 1, stdout: 'begun\nover\n' });
  expect(await onMachine('cat ran')).toMatchObject({ code: 0, stdout: `${mark}\n` });
  // The machine that dialled in at the dead one does so again, which is no second connection.
  await until(async () => (await two.balancer.fetch(`${dialling}${page}`)).status === 200);
  const types = (await eventsOf(dialling)).map(({ type }) => type);
  expect(types.filter((type) => type === 'agent.connected').length).toBeGreaterThan(1);
  expect(types).not.toContain('agent.second-connection');
  // Who followed events missed none, and saw none twice, whichever controller it asked.
  await two.balancer.request('PUT', `${cluster}/access`, { method: 'fixed_ip' });
  const all = (await eventsOf(cluster)).map(({ type }) => type);
  expect(all).toContain('cluster.access');
  await until(async () => follower.types().includes('cluster.access'));
  expect([follower.running(), follower.types()]).toEqual([true, all]);
});

it.runIf(everything)('a frozen controller is left, and ends as soon as it thaws', async () => {
  const mark = randomBytes(6).toString('hex');
  const { ended } = await begunRun(waitFor('gone', mark));
  await startAgain(killed);
  const { process: frozen, exited } = two.controllers[stopped];
  frozen.kill('SIGSTOP');
  expect(await onMachine('touch gone')).toMatchObject({ code: 0 });
  expect(await ended).toMatchObject({ code: 1, stdout: 'begun\nover\n' });
  expect((await onMachine('cat ran')).stdout.split('\n').filter((line) => line === mark)).toHaveLength(1);
  frozen.kill('SIGCONT');
  expect(await exited).toBe(75);
});
