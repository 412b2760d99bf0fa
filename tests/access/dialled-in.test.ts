import { copyFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Lab, type LabInventory, labUp } from '../set-up/lab.ts';
import { newDataDirectory } from '../set-up/start-controller.ts';
import { type Answer, LabController } from './lab-controller.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

/** `npm run test:access`; the line, the loop and the endpoint alone are tested always. */
const everything = process.env.WADI_ACCESS === 'all';

/** Milliseconds; the computer may be busy with everything else. */
const patience = 90_000;
const endpoint = '198.18.0.254:8022';

let lab: Lab;
let inventory: LabInventory & { router: { id: string; namespace: string } };
let wadi: LabController;
let ways: Answer['body'];
let cluster: Answer['body'];

beforeAll(async () => {
  if (!everything) return;
  lab = await labUp({ machines: 2, router: true });
  inventory = lab.inventory as typeof inventory;
  wadi = await LabController.start(lab, {
    args: ['--allow-network', '10.77.0.0/16', '--agent-listen', endpoint],
  });
  // The way by which somebody gets onto the machine to run the line.
  ways = await wadi.import(importBy('console', { method: 'netns', router_id: inventory.router.id }));
});
afterAll(async () => {
  await wadi?.stop();
  await lab?.down();
});

/** machine-1 is the proxy. */
function importBy(name: string, access: object) {
  const machines = inventory.machines.map(({ name: machine, internalIp, hostKeys }, place) => ({
    ...{ name: machine, address: internalIp, user: inventory.user, identity: 'lab', is_proxy: place === 0 },
    host_keys: [...hostKeys],
  }));
  return { name, access, identities: { lab: { private_key: lab.privateKey } }, machines };
}

async function events(type: string): Promise<Answer['body'][]> {
  const { body } = await wadi.request('GET', `/v2/clusters/${cluster.id}/events`);
  return body.events.filter((event: Answer['body']) => event.type === type);
}

async function until(check: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + patience; !(await check()); await sleep(100))
    if (Date.now() > end) throw new Error(`it did not come about: ${check}`);
}

/** Runs on machine-1, as its login user. */
const onMachine = (command: string) =>
  wadi.run(ways.id, { command, targets: ['machine-1'], timeout_seconds: 60 });

async function hostnameBy(controller: LabController): Promise<Answer['body']> {
  const run = await controller.run(cluster.id, { command: 'hostname', targets: ['machine-2'] });
  return run.targets[0];
}

describe.runIf(everything)('a machine that accepts nothing from outside', () => {
  let line: string;

  it('is waited for until it has enrolled by one line, and then the cluster is Active', async () => {
    const made = await wadi.request('POST', '/v2/clusters/import', importBy('inside', { method: 'agent' }));
    expect(made.status).toBe(202);
    cluster = made.body.cluster;
    await until(async () => (await events('instance.waiting')).length > 0);
    const [waiting] = await events('instance.waiting');
    expect(waiting.body).toMatchObject({
      instance: 'machine-1',
      code: 'FIRST_HOP_FAILED',
      hint: expect.stringContaining('wadi agent enroll'),
    });
    const answer = await wadi.request('POST', `/v2/clusters/${cluster.id}/instances/machine-1/agent`);
    expect(answer.body.agent).toMatchObject({ endpoint, host_key: expect.stringMatching(/^ssh-ed25519 /) });
    line = answer.body.agent.line;
    const run = await onMachine(line);
    const said =
      (await wadi.output(run, 'machine-1')).toString() +
      (await wadi.output(run, 'machine-1', 'stderr')).toString();
    expect([run.targets[0]?.exit_status, said]).toEqual([0, expect.stringContaining('wadi-agent: runs')]);
    const settled = await wadi.settled(cluster.id);
    expect([settled.status_description, settled.status]).toEqual(['', 'Active']);
  });

  it('leads to the others behind it', async () => {
    expect(await hostnameBy(wadi)).toMatchObject({
      status: 'succeeded',
      route: 'agent > machine-1 > machine-2',
    });
    const page = await wadi.fetch(`/v2/clusters/${cluster.id}/instances/machine-2/http/8080/`);
    expect([page.status, await page.text()]).toEqual([200, 'hello from machine-2\n']);
    const own = await wadi.fetch(`/v2/clusters/${cluster.id}/instances/machine-1/http/8080/`);
    expect([own.status, await own.text()]).toEqual([200, 'hello from machine-1\n']);
  });

  it('does not enroll twice by the same line', async () => {
    const run = await onMachine(
      `cd /tmp && mkdir -p other && HOME=/tmp/other ${line.replace('| sh', '| HOME=/tmp/other sh')}`,
    );
    expect(run.targets[0]?.status).toBe('failed');
    expect((await wadi.output(run, 'machine-1', 'stderr')).toString()).toContain('this token was used');
  });

  it('keeps its token out of every argument list, and nothing of it stays behind', async () => {
    const token = /'%s\\n' (\S+)/.exec(line)?.[1] ?? '';
    expect(token.length).toBeGreaterThan(20);
    const run = await onMachine('grep -rl -- "$TOKEN" .wadi-agent; ps -eo args | grep -c "agent [r]un"');
    const shown = await wadi.run(ways.id, { command: 'cat .wadi-agent/*', targets: ['machine-1'] });
    expect((await wadi.output(shown, 'machine-1')).toString()).not.toContain(token);
    expect(run.targets[0]?.status).toBe('succeeded');
  });

  it('dials again by itself when its connection is cut', async () => {
    const connections = async () =>
      (await events('agent.connected')).length + (await events('agent.second-connection')).length;
    const before = await connections();
    expect((await onMachine('pkill -u "$(id -u)" -x -f "ssh .*agent@.*"')).targets[0]?.status).toBe(
      'succeeded',
    );
    await until(async () => (await connections()) > before);
    await until(async () => (await hostnameBy(wadi)).status === 'succeeded');
  });

  it('is an event when its key is used twice', async () => {
    const second =
      'cd .wadi-agent && timeout 20 ssh -N -T -F none -i id -o BatchMode=yes -o UserKnownHostsFile=known_hosts ' +
      '-R 127.0.0.1:1:127.0.0.1:22 -p 8022 agent@198.18.0.254';
    const before = (await events('agent.second-connection')).length;
    await onMachine(`(${second} </dev/null >/dev/null 2>&1 &) ; true`);
    await until(async () => (await events('agent.second-connection')).length > before);
  });

  it('is reached by another controller of the same database, wherever its connection is', async () => {
    const shared = wadi.controller;
    // What one encrypts, the other must read.
    const data = newDataDirectory();
    copyFileSync(`${shared.data}/master.key`, `${data}/master.key`);
    const other = await LabController.start(lab, {
      database: { url: shared.databaseUrl as string },
      data,
      args: ['--allow-network', '10.77.0.0/16', '--agent-listen', '198.18.0.254:8023'],
    });
    try {
      await until(async () => (await hostnameBy(other)).status === 'succeeded');
      expect(await hostnameBy(other)).toMatchObject({ route: 'agent > machine-1 > machine-2' });
    } finally {
      await other.stop();
    }
  });
});
