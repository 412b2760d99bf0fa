import { execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Lab, type LabMachine, labUp } from '../set-up/lab.ts';
import { importOf, LabController } from './lab-controller.ts';

const run = promisify(execFile);
const isolation = 'Check of isolation';

interface Check {
  readonly name: string;
  readonly status: string;
  readonly description: string;
}

let lab: Lab;
let plugins: string;
let wadi: LabController;
beforeAll(async () => {
  // The second proxy is no part of the clusters: it is the host that happens to have a machine's address.
  lab = await labUp({ machines: 3, proxies: 2 });
  plugins = pluginFolder();
  const args = ['--allow-network', '10.77.0.0/16', '--isolation-check', 'all', '--plugins', plugins];
  wadi = await LabController.start(lab, { args });
});
afterAll(async () => {
  await wadi?.stop();
  await lab?.down();
  if (plugins) rmSync(plugins, { recursive: true });
});

/** Its machines have a page at 8080, which the lab's nginx serves. */
function pluginFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'wadi-plugins-'));
  mkdirSync(path.join(folder, 'paged'));
  const text = `
name: paged
title: Paged
description: Has a page.
labels: { enabled: true }
versions:
  - version: '1.0'
    labels: { enabled: true }
    processes: { paged: [page] }
    lifecycle:
      page:
        health: [{ name: The page is there, http: { port: 8080 } }]
        web: [{ title: Page, port: 8080, path: / }]
  - version: '2.0'
    labels: { enabled: true }
    processes: { paged: [page] }
    configs: [{ name: Port, type: int, default: 9999, target: paged, scope: cluster, variable: PORT }]
    lifecycle:
      page:
        web: [{ title: Page, port: PORT, path: / }]
`;
  writeFileSync(path.join(folder, 'paged', 'plugin.yaml'), text);
  return folder;
}

const argvOf = (machine: string, argv: readonly string[]) =>
  machine === 'controller' ? lab.controllerArgv(argv) : lab.machineArgv(machine, argv);

async function at(machine: string, ...argv: string[]): Promise<void> {
  const [program = '', ...rest] = argvOf(machine, argv);
  await run(program, rest);
}

/** Opens the first proxy for all that the controller sends to a machine, as a careless operator would. */
async function openDoor(machine: string): Promise<void> {
  await at('proxy-1', 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
  await at('controller', 'ip', 'route', 'replace', `${address(machine)}/32`, 'via', '198.18.0.1');
  await at(machine, 'ip', 'route', 'replace', '198.18.0.0/24', 'via', '10.77.0.1');
}

async function closeDoor(machine: string): Promise<void> {
  await at('controller', 'ip', 'route', 'del', `${address(machine)}/32`);
  await at(machine, 'ip', 'route', 'del', '198.18.0.0/24');
}

function machineNamed(name: string): LabMachine {
  return lab.inventory.machines.find((each) => each.name === name) as LabMachine;
}

const address = (name: string) => machineNamed(name).internalIp;

async function imported(name: string, machines: readonly string[], more: object = {}): Promise<string> {
  const whole = importOf(lab, name, machines.map(machineNamed));
  const body = { ...whole, machines: whole.machines.filter((each) => each.name !== 'proxy-2') };
  const access = { method: 'proxy_command', proxy_command: 'socat - TCP:{host}:{port}' };
  const cluster = await wadi.import({ ...body, access, ...more });
  expect(cluster.status).toBe('Active');
  return cluster.id;
}

/** When the look that is under way, and one more, are over. */
async function verified(id: string): Promise<{ status: string; checks: Check[] }> {
  const settled = async () => {
    for (const deadline = performance.now() + 90_000; ; await sleep(50)) {
      const { verification } = (await wadi.request('GET', `/v2/clusters/${id}`)).body.cluster;
      if (verification && verification.status !== 'CHECKING') return verification;
      if (performance.now() > deadline) throw new Error('the verification does not end');
    }
  };
  await settled();
  const asked = await wadi.request('PATCH', `/v2/clusters/${id}`, { verification: { status: 'START' } });
  expect(asked.status).toBe(202);
  return settled();
}

const isolationOf = async (id: string) => (await verified(id)).checks.find(({ name }) => name === isolation);

it('is proven when nobody but the proxy answers, and is red, with machine and port, when a door was opened', async () => {
  const id = await imported('doors', ['machine-1', 'machine-2']);
  const closed = await verified(id);
  expect(closed.status).toBe('GREEN');
  expect(closed.checks.find(({ name }) => name === isolation)).toMatchObject({
    status: 'GREEN',
    description: 'None of the 2 machines behind the proxies answers from outside',
  });
  await openDoor('machine-2');
  const open = await verified(id);
  expect(open.status).toBe('RED');
  const { status, description } = open.checks.find(({ name }) => name === isolation) as Check;
  expect([status, description]).toEqual([
    'RED',
    `Machines answer from outside that only proxies should reach: machine-2 (${address('machine-2')}) on port 22`,
  ]);
  await closeDoor('machine-2');
  expect((await verified(id)).status).toBe('GREEN');
  await wadi.deleted(id);
}, 120_000);

/** Of machine-1 towards the controller, which its web pages pass. */
async function wall(what: 'up' | 'down'): Promise<void> {
  const rule = 'ip saddr 198.18.0.0/24 tcp dport 22 drop';
  const table = `table ip wall {\nchain in {\ntype filter hook input priority 0;\n${rule}\n}\n}`;
  await at('machine-1', 'nft', what === 'up' ? table : 'delete table ip wall');
}

it('asks the ports of pages and checks too, and counts an answer that the machine itself knows of', async () => {
  const id = await imported('pages', ['machine-1'], { plugin_name: 'paged', plugin_version: '1.0' });
  await openDoor('machine-1');
  const both = await isolationOf(id);
  expect(both?.description).toContain(`machine-1 (${address('machine-1')}) on port 22, 8080`);
  await wall('up');
  const page = await isolationOf(id);
  expect(page).toMatchObject({
    status: 'RED',
    description: expect.stringContaining(`machine-1 (${address('machine-1')}) on port 8080`),
  });
  await wall('down');
  await closeDoor('machine-1');
  await wadi.deleted(id);
}, 120_000);

it('asks a port of the owner’s choice only at an address where SSH has proven the machine', async () => {
  const chosen = { plugin_name: 'paged', plugin_version: '2.0', cluster_configs: { paged: { Port: 8080 } } };
  const id = await imported('chosen', ['machine-1'], chosen);
  await openDoor('machine-1');
  expect((await isolationOf(id))?.description).toContain('on port 22, 8080');
  await wall('up');
  const accepted = await lab.acceptedConnections('machine-1');
  const kept = await isolationOf(id);
  // Its session is open: whoever had asked port 8080 would be one more.
  expect([kept?.status, await lab.acceptedConnections('machine-1')]).toEqual(['GREEN', accepted]);
  await wall('down');
  await closeDoor('machine-1');
  await wadi.deleted(id);
}, 120_000);

it('does not count another host that has the address where the controller is, and says so', async () => {
  const id = await imported('strangers', ['machine-3']);
  await at('proxy-2', 'ip', 'link', 'set', 'inside', 'down');
  await at('proxy-2', 'ip', 'address', 'add', `${address('machine-3')}/32`, 'dev', 'lo');
  await at('controller', 'ip', 'route', 'replace', `${address('machine-3')}/32`, 'via', '198.18.0.2');
  const found = await verified(id);
  expect(found.status).toBe('GREEN');
  const check = found.checks.find(({ name }) => name === isolation);
  expect(check).toMatchObject({
    status: 'GREEN',
    description:
      'The machine behind the proxies does not answer from outside. Another host, with another host key, answers at the ' +
      `address of machine-3 (${address('machine-3')}): it does not count`,
  });
  // It was no contact with the machine: nobody is told that its key changed.
  const events = await wadi.request('GET', `/v2/clusters/${id}/events`);
  expect(JSON.stringify(events.body)).not.toContain('mismatch');
  await at('controller', 'ip', 'route', 'del', `${address('machine-3')}/32`);
  await wadi.deleted(id);
}, 120_000);

it('is not known when no proxy answers', async () => {
  const id = await imported('alone', ['machine-1']);
  await verified(id);
  await lab.fault('begin', 'reject', 'proxy-1');
  const check = await isolationOf(id);
  await lab.fault('end', 'reject', 'proxy-1');
  expect(check).toMatchObject({
    status: 'YELLOW',
    description: 'No proxy answers either, so that nobody answers from outside proves nothing',
  });
  await wadi.deleted(id);
}, 120_000);

it('is left out where the controller is on the machines’ network by design, unless the cluster says otherwise', async () => {
  const id = await imported('flat', ['machine-1'], { access: { method: 'fixed_ip' } });
  expect(await isolationOf(id)).toBeUndefined();
  await wadi.request('PUT', `/v2/clusters/${id}/access`, { method: 'fixed_ip', isolation_check: true });
  expect(await isolationOf(id)).toMatchObject({ status: 'GREEN' });
  await wadi.deleted(id);
}, 120_000);

it('asks at no address that is the controller’s own', async () => {
  await at('controller', 'ip', 'address', 'add', `${address('machine-2')}/32`, 'dev', 'lo');
  const id = await imported('own', ['machine-2']);
  const check = await isolationOf(id);
  expect(check).toMatchObject({
    status: 'YELLOW',
    description: `Not known of machine-2 (${address('machine-2')}): the controller itself has that address`,
  });
  await at('controller', 'ip', 'address', 'del', `${address('machine-2')}/32`, 'dev', 'lo');
  await wadi.deleted(id);
}, 120_000);

it('of somebody at the address who speaks no SSH it says no more than that', async () => {
  const id = await imported('silent', ['machine-3']);
  await at('proxy-2', 'ip', 'address', 'replace', `${address('machine-3')}/32`, 'dev', 'lo');
  await at('proxy-2', 'ip', 'link', 'set', 'inside', 'down');
  const rule = `ip daddr ${address('machine-3')} tcp dport 22 redirect to :2222`;
  const turn = `table ip turn {\nchain in {\ntype nat hook prerouting priority -100;\n${rule}\n}\n}`;
  await at('proxy-2', 'nft', turn);
  const [program = '', ...argv] = argvOf('proxy-2', [
    'socat',
    'TCP-LISTEN:2222,fork,reuseaddr',
    'EXEC:/bin/cat',
  ]);
  const echo = spawn(program, argv, { stdio: 'ignore' });
  await at('controller', 'ip', 'route', 'replace', `${address('machine-3')}/32`, 'via', '198.18.0.2');
  try {
    // It is asked until it listens.
    await expect
      .poll(async () => await isolationOf(id), { timeout: 60_000 })
      .toMatchObject({
        status: 'YELLOW',
        description: `Not known of machine-3 (${address('machine-3')}): somebody answers on port 22, and nobody can tell who`,
      });
  } finally {
    echo.kill('SIGKILL');
    await at('controller', 'ip', 'route', 'del', `${address('machine-3')}/32`);
    await at('proxy-2', 'nft', 'delete table ip turn');
  }
  await wadi.deleted(id);
}, 120_000);

it('asks at no address that no admin allowed', async () => {
  const kept = wadi;
  wadi = await LabController.start(lab, { args: ['--isolation-check', 'all'] });
  try {
    const check = await isolationOf(await imported('beyond', ['machine-1']));
    expect(check).toMatchObject({
      status: 'YELLOW',
      description: expect.stringContaining('--allow-network'),
    });
  } finally {
    await wadi.stop();
    wadi = kept;
  }
}, 120_000);

it.each([
  ['created', {}],
  ['off', { isolation_check: true }],
])(
  'is left out for imported clusters with --isolation-check %s',
  async (mode, setting) => {
    const kept = wadi;
    wadi = await LabController.start(lab, { args: ['--isolation-check', mode] });
    try {
      const access = { method: 'proxy_command', proxy_command: 'socat - TCP:{host}:{port}', ...setting };
      const id = await imported(`mode-${mode}`, ['machine-1'], { access });
      expect(await isolationOf(id)).toBeUndefined();
    } finally {
      await wadi.stop();
      wadi = kept;
    }
  },
  120_000,
);
