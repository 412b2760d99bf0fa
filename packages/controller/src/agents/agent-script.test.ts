import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { generateManagementKey } from '../access/management-key.ts';
import type { AgentConnection } from './agent-connection.ts';
import { AgentEndpoint } from './agent-endpoint.ts';
import { agentScript, enrollLine } from './agent-script.ts';

const host = generateManagementKey('host');
const hostKey = host.publicKey.split(' ').slice(0, 2).join(' ');
const token = 'AbC-d_9';

let folder: string;
let endpoint: AgentEndpoint;
let address: { host: string; port: number; hostKey: string };
let enrolled: string[];
let connected: AgentConnection[];
/** How often somebody has connected. */
let times: number;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'wadi-agent-script-'));
  [enrolled, connected, times] = [[], [], 0];
  endpoint = new AgentEndpoint({
    hostKey: host.privateKey,
    peerKey: '',
    log: pino({ level: 'silent' }),
    findAgent: async (key) => (enrolled.includes(key) ? 'instance' : undefined),
    enroll: async (given, key) => {
      if (given !== token || enrolled.length > 0) return 'no';
      enrolled.push(key);
      return { script: here(agentScript(address, sshPort)) };
    },
    onAgent: (agent) => {
      times += 1;
      connected.push(agent);
    },
    onAgentGone: (agent) => {
      connected = connected.filter((each) => each !== agent);
    },
    findConnection: () => undefined,
  });
  address = { host: '127.0.0.1', port: await endpoint.listen('127.0.0.1', 0), hostKey };
});
afterEach(async () => {
  const pid = `${folder}/wadi-agent/pid`;
  if (existsSync(pid)) process.kill(Number(readFileSync(pid, 'utf8')), 'SIGTERM');
  await endpoint.close();
  await sleep(200);
  rmSync(folder, { recursive: true, force: true });
});

/** Of this computer nothing is touched but a folder, and it looks as if nobody ran services. */
const here = (script: string) =>
  script.replaceAll('/etc', folder).replaceAll('/run/systemd', `${folder}/none`);
const sshPort = 1;

async function run(line: string): Promise<{ status: number | null; out: string }> {
  const child = spawn('sh', ['-c', line], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: folder },
  });
  let out = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      out += chunk;
    });
  const [status] = await once(child, 'close');
  return { status, out };
}

async function until(check: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !check(); await sleep(50))
    if (Date.now() > end) throw new Error(`it did not come about: ${check}`);
}

it.each([
  ['sysvinit', '/sbin/init', 'wa:2345:respawn:'],
  ['BusyBox', '/bin/busybox', ':2345:respawn:'],
])('is kept running by the init of %s', async (_, init, entry) => {
  const at = `${folder}/wadi-agent`;
  mkdirSync(at);
  const table = `${folder}/inittab`;
  writeFileSync(table, '::sysinit:/bin/true\n');
  symlinkSync(init, `${folder}/init`);
  const script = here(agentScript(address, sshPort))
    .replaceAll('/proc/1/exe', `${folder}/init`)
    .replaceAll('kill -HUP 1', 'true');
  writeFileSync(`${at}/agent`, script);
  for (let time = 1; time <= 2; time += 1)
    expect((await run(`sh ${at}/agent install`)).out).toContain('runs by init');
  const lines = readFileSync(table, 'utf8').trim().split('\n');
  expect(lines).toEqual(['::sysinit:/bin/true', `${entry}/bin/sh ${at}/agent run`]);
  await run(`sh ${at}/agent remove`);
  expect(readFileSync(table, 'utf8')).toBe('::sysinit:/bin/true\n');
});

it('enrolls by one line, connects, and connects again when it was cut off', async () => {
  const done = await run(here(enrollLine(address, token)));
  expect(done).toMatchObject({ status: 0, out: expect.stringContaining('wadi-agent: runs') });
  await until(() => connected.length === 1);
  const at = `${folder}/wadi-agent`;
  expect(statSync(`${at}/id`).mode & 0o777).toBe(0o600);
  expect(enrolled[0]).toBe(readFileSync(`${at}/id.pub`, 'utf8').split(' ').slice(0, 2).join(' '));
  connected[0]?.close();
  await until(() => times === 2 && connected.length === 1);
  // The same line is good for nothing now, and leaves what runs alone.
  expect((await run(here(enrollLine(address, token)))).status).not.toBe(0);
  expect(connected.length).toBe(1);
});

it('talks to nobody but the endpoint whose key is in the line', async () => {
  const other = generateManagementKey('other').publicKey.split(' ').slice(0, 2).join(' ');
  const { status, out } = await run(here(enrollLine({ ...address, hostKey: other }, token)));
  expect([status !== 0, out]).toEqual([true, expect.stringContaining('Host key verification failed')]);
  expect(enrolled).toEqual([]);
  expect(existsSync(`${folder}/wadi-agent/agent`)).toBe(false);
});

it('works where the home is all that there is to write to', async () => {
  mkdirSync(`${folder}/none`);
  const line = enrollLine(address, token).replaceAll('/etc', `${folder}/missing`);
  expect((await run(line)).status).toBe(0);
  await until(() => connected.length === 1);
  const pid = Number(readFileSync(`${folder}/.wadi-agent/pid`, 'utf8'));
  process.kill(pid, 'SIGTERM');
  await until(() => connected.length === 0);
});

it('leads to the port at which the cluster has the sshd, and pins the key under the name that ssh looks for', () => {
  expect(agentScript(address, 2222)).toContain('-R 127.0.0.1:1:127.0.0.1:2222 ');
  const named = (host: string, port: number) => enrollLine({ host, port, hostKey }, token);
  expect(named('2001:db8::1', 8022)).toContain('"[2001:db8::1]:8022 ssh-ed25519 ');
  expect(named('wadi.example', 22)).toContain('"wadi.example ssh-ed25519 ');
});
