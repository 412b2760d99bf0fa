import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Ended, runWadi } from '../cli/run-wadi.ts';
import { isRunning, processesNaming, processTree } from '../set-up/processes.ts';
import { keepEvidence, plantSecret, registerDataDirectory } from '../set-up/run-folder.ts';
import { makeClone } from './clone.ts';

/** Milliseconds; the machine may be busy with everything else. */
const patience = 120_000;
vi.setConfig({ testTimeout: patience });
const machines = ['example-proxy-0', 'example-worker-0', 'example-worker-1', 'example-worker-2'];

let clone: string;
let port: number;
let started: Started | undefined;
let clusterId: string;

interface Started {
  readonly npm: ChildProcess;
  readonly output: () => string;
  /** Milliseconds until it said that it is ready. */
  readonly readyAfter: number;
}

/** `npm start` as in a terminal: a process group of its own. Resolves when the example has been shown. */
async function npmStart(): Promise<Started> {
  const { WADI_DATA: _data, DATABASE_URL: _url, ...inherited } = process.env;
  // What the outer npm exports would reconfigure the inner one.
  const env = Object.fromEntries(Object.entries(inherited).filter(([name]) => !/^npm_/i.test(name)));
  const began = performance.now();
  const npm = spawn('npm', ['start', '--', '--listen', `127.0.0.1:${port}`], {
    cwd: clone,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let readyAfter = 0;
  for (const stream of [npm.stdout, npm.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
      if (readyAfter === 0 && output.includes('Wadi is ready')) readyAfter = performance.now() - began;
    });
  }
  const emergency = () => npm.pid && process.kill(-npm.pid, 'SIGKILL');
  process.once('exit', emergency);
  npm.once('exit', () => {
    process.off('exit', emergency);
    keepEvidence('npm-start', output);
  });
  const end = performance.now() + patience;
  while (!output.includes('Stop with Ctrl-C')) {
    const failed = npm.exitCode !== null || output.includes('did not work out');
    if (failed || performance.now() > end) {
      if (npm.exitCode === null) await signalGroup({ npm }, 'SIGINT');
      const log = readFileSync(path.join(clone, '.wadi', 'wadi.log'), 'utf8').slice(-8000);
      throw new Error(`npm start:\n${output}\n${log}`);
    }
    await sleep(50);
  }
  return { npm, output: () => output, readyAfter };
}

async function signalGroup({ npm }: Pick<Started, 'npm'>, signal: NodeJS.Signals): Promise<void> {
  const ended = new Promise((resolve) => npm.once('exit', resolve));
  process.kill(-(npm.pid as number), signal);
  await ended;
}

const wadi = (...args: string[]): Promise<Ended> => runWadi(args, { cwd: clone });

async function api(method: string, target: string) {
  const token = readFileSync(path.join(clone, '.wadi', 'token'), 'utf8').trim();
  const answer = await fetch(`http://127.0.0.1:${port}${target}`, {
    method,
    headers: { 'X-Auth-Token': token },
  });
  return { status: answer.status, body: JSON.parse(await answer.text()) };
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: free } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return free;
}

beforeAll(async () => {
  clone = makeClone();
  port = await freePort();
  registerDataDirectory(path.join(clone, '.wadi'));
  started = await npmStart();
  plantSecret('token', readFileSync(path.join(clone, '.wadi', 'token'), 'utf8').trim());
}, patience + 30_000);

afterAll(async () => {
  if (started && started.npm.exitCode === null) await signalGroup(started, 'SIGINT');
}, patience);

describe('npm start', () => {
  it('prints of each machine its route, the output of a command and the status of its page', () => {
    const shown = (started as Started).output();
    const lines = shown.split('\n');
    for (const machine of machines) {
      const proxy = machine === 'example-proxy-0';
      const route = proxy ? 'tcp > example-proxy-0' : `tcp > example-proxy-0 > ${machine}`;
      const line = lines.find((each) => each.startsWith(`${machine} `));
      expect(line?.split(/ {2,}/)).toEqual([machine, route, machine, 'HTTP 200']);
    }
  });

  it('stays up and answers /healthz without a token', async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`);
    expect(answer.status).toBe(200);
  });

  it('has let everything through its proxy: the sandbox counted the channels', async () => {
    const { body } = await api('GET', '/v2/sandbox/machines');
    const proxy = body.machines.find((each: { is_proxy: boolean }) => each.is_proxy);
    const others = body.machines.filter((each: { is_proxy: boolean }) => !each.is_proxy);
    // For each of the three a session and a page.
    expect(proxy.forwarded_channels).toBeGreaterThanOrEqual(6);
    expect(proxy.connections).toBe(1);
    expect(others.map((each: { port: unknown }) => each.port)).toEqual([null, null, null]);
  });

  it('lets wadi run work in the same directory, and fail when the proxy is off, naming it', async () => {
    const command = ['run', 'example', '--', 'hostname'];
    expect((await wadi(...command)).code).toBe(0);
    expect((await api('POST', '/v2/sandbox/machines/example-proxy-0/stop')).status).toBe(202);
    const { code, stdout, stderr } = await wadi(...command);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toContain('4 of 4 did not succeed');
    expect(stderr).toContain('unreachable at example-proxy-0');
    expect((await api('POST', '/v2/sandbox/machines/example-proxy-0/start')).status).toBe(202);
    expect((await wadi(...command)).code).toBe(0);
  });

  it('ends with Ctrl-C and leaves no process, no lock, no port', async () => {
    const { npm } = started as Started;
    clusterId = (await api('GET', '/v2/clusters')).body.clusters[0].id;
    const tree = processTree(npm.pid as number);
    expect(tree.length).toBeGreaterThan(3);
    await signalGroup(started as Started, 'SIGINT');
    await expectNothingLeft(tree);
  });

  it('starts again at once, with the cluster that was there', async () => {
    started = await npmStart();
    console.log(`The second npm start was ready after ${(started.readyAfter / 1000).toFixed(1)} s.`);
    expect(started.output()).not.toContain('Creating the cluster');
    expect((await api('GET', '/v2/clusters')).body.clusters).toMatchObject([{ id: clusterId }]);
    expect((await wadi('run', 'example', '--', 'hostname')).code).toBe(0);
  });

  it('works again after kill -9, with the cluster that was there', async () => {
    await signalGroup(started as Started, 'SIGKILL');
    started = await npmStart();
    expect((await api('GET', '/v2/clusters')).body.clusters).toMatchObject([
      { id: clusterId, status: 'Active' },
    ]);
    expect((await wadi('run', 'example', '--', 'hostname')).code).toBe(0);
    const tree = processTree(started.npm.pid as number);
    await signalGroup(started, 'SIGINT');
    await expectNothingLeft(tree);
  });
});

async function expectNothingLeft(tree: readonly number[]): Promise<void> {
  // The database's processes are ended by their own parent; give the kernel a moment to take them away.
  for (let tries = 0; tries < 40 && tree.some(isRunning); tries += 1) await sleep(50);
  expect(tree.filter(isRunning)).toEqual([]);
  expect(processesNaming(clone)).toEqual([]);
  const names = readdirSync(path.join(clone, '.wadi'));
  expect(names.filter((name) => /lock|endpoint|socket/.test(name))).toEqual([]);
  expect(existsSync(path.join(clone, '.wadi', 'postgres', 'data', 'postmaster.pid'))).toBe(false);
  await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
}
