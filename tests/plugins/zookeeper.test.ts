// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a format of dpkg-query
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, importOf, LabController } from '../access/lab-controller.ts';
import { type Lab, labUp } from '../set-up/lab.ts';
import { packageSource } from './package-source.ts';

const server = fileURLToPath(new URL('file-server.ts', import.meta.url));
let lab: Lab;
let wadi: LabController;
let files: ChildProcess;
let cluster: Answer['body'];

beforeAll(async () => {
  const folder = await packageSource('zookeeper');
  lab = await labUp({ machines: 5 });
  wadi = await LabController.start(lab);
  const [proxy] = lab.inventory.proxies;
  const argv = [process.execPath, '--import', 'tsx', server, proxy?.internalIp ?? '', '8000', folder];
  const [program = '', ...rest] = lab.machineArgv('proxy-1', argv);
  files = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  if (files.stdout) await once(files.stdout, 'data');
  const settings = {
    'Package source': `deb [trusted=yes] http://${proxy?.internalIp}:8000/ ./`,
    'Heap size': 128,
  };
  const { machines, ...whole } = importOf(lab, 'zoo');
  cluster = await wadi.import({
    ...whole,
    // Behind the proxy three servers, and two machines that wait.
    machines: machines.map((machine, place) => ({ ...machine, spare: place > 3 })),
    plugin_name: 'zookeeper',
    cluster_configs: { ZooKeeper: settings },
  });
}, 300_000);
afterAll(async () => {
  files?.kill();
  await wadi?.stop();
  await lab?.down();
});

/** ZooKeeper's own client for its commands of four letters. */
const ask =
  'java -cp /usr/share/java/zookeeper.jar org.apache.zookeeper.client.FourLetterWordMain 127.0.0.1 2181';

const client = '/usr/share/zookeeper/bin/zkCli.sh -server 127.0.0.1:2181';

/** Standard output of one command on one machine. */
async function outputOf(machine: string, command: string): Promise<string> {
  const run = await wadi.run(cluster.id, { command, targets: [machine], as_root: true });
  return (await wadi.output(run, machine)).toString();
}

/** What each server says that it is, in alphabetical order. */
async function modes(count: number): Promise<string[]> {
  const servers = lab.inventory.machines.slice(0, count);
  const answers = await Promise.all(servers.map(({ name }) => outputOf(name, `${ask} srvr | grep Mode`)));
  return answers.sort();
}

/** Through Sahara's API. */
async function scaledTo(count: number): Promise<Answer['body']> {
  const path = `/v2/clusters/${cluster.id}`;
  const body = { resize_node_groups: [{ name: 'machines', count }] };
  expect((await wadi.request('PUT', path, body)).status).toBe(202);
  return wadi.settled(cluster.id);
}

/** As a verification that begins now finds it. */
async function health(): Promise<string> {
  const path = `/v2/clusters/${cluster.id}`;
  const verification = async () => (await wadi.request('GET', path)).body.cluster.verification;
  const rest = { timeout: 60_000, interval: 100 };
  // The one that follows each change may still be under way.
  const start = { verification: { status: 'START' } };
  await expect.poll(async () => (await wadi.request('PATCH', path, start)).status, rest).toBe(202);
  const begun = await verification();
  await expect.poll(async () => (await verification()).status, rest).not.toBe('CHECKING');
  const done = await verification();
  expect(done.id).toBe(begun.id);
  expect(done.checks.map(({ name }: { name: string }) => name)).toContain('Check of process zookeeper');
  return done.status;
}

/** Whether somebody listens at ZooKeeper's port of a machine, in the cluster or not. */
async function listens(machine: string): Promise<boolean> {
  const [program = '', ...args] = lab.machineArgv(machine, ['ss', '-Hltn', 'sport = :2181']);
  return (await promisify(execFile)(program, args)).stdout.includes(':2181');
}

describe('an ensemble of ZooKeeper behind a proxy', () => {
  it('is installed, configured, started and found healthy', async () => {
    expect(cluster.status_description).toBe('');
    expect(cluster.status).toBe('Active');
    const told = cluster.provision_progress.map((step: Answer['body']) => [
      step.step_name,
      step.total,
      step.successful,
    ]);
    expect(told.slice(2)).toEqual([
      ['Install zookeeper', 3, true],
      ['Configure zookeeper', 3, true],
      ['Start zookeeper', 3, true],
      ['Wait until healthy', 3, true],
    ]);
    expect(await modes(3)).toEqual(['Mode: follower\n', 'Mode: follower\n', 'Mode: leader\n']);
    expect(await outputOf('machine-1', `${ask} ruok`)).toContain('imok');
    expect(await outputOf('machine-2', "dpkg-query -W -f '${Status}' zookeeper")).toBe(
      'install ok installed',
    );
    expect(await outputOf('machine-3', 'ps -o user= -p $(cat /run/wadi-zookeeper.pid)')).toMatch(/^zookeep/);
  });

  it('runs on no machine but its own', async () => {
    expect(await outputOf('proxy-1', 'test -e /etc/wadi/zookeeper || echo none')).toBe('none\n');
  });

  it('knows on one machine what was written on another', async () => {
    await outputOf('machine-1', `${client} create /wadi 'through one door' 2>&1`);
    expect(await outputOf('machine-3', `${client} get /wadi 2>&1`)).toContain('through one door');
  });

  it('grows by one server that knows what the others knew, shrinks again, and is well each time', async () => {
    expect(await health()).toBe('GREEN');
    expect(await scaledTo(4)).toMatchObject({ status: 'Active', status_description: '' });
    expect(await health()).toBe('GREEN');
    expect(await outputOf('machine-4', `${client} get /wadi 2>&1`)).toContain('through one door');
    expect(await modes(4)).toEqual([...Array(3).fill('Mode: follower\n'), 'Mode: leader\n']);
    await outputOf('machine-4', `${client} create /fourth 'for all of them' 2>&1`);

    expect(await scaledTo(3)).toMatchObject({ status: 'Active', status_description: '' });
    expect(await health()).toBe('GREEN');
    expect(await modes(3)).toEqual([...Array(2).fill('Mode: follower\n'), 'Mode: leader\n']);
    expect(await outputOf('machine-1', `${client} get /fourth 2>&1`)).toContain('for all of them');
    expect(await outputOf('machine-1', 'grep -c ^server /etc/wadi/zookeeper/zoo.cfg')).toBe('3\n');
    expect(await listens('machine-3')).toBe(true);
    expect(await listens('machine-4')).toBe(false);
  }, 300_000);

  it('goes on as it was when it is told to grow by more than one', async () => {
    const refused = await scaledTo(5);
    expect(refused.status_description).toContain('cannot go from 3 to 5 servers at once');
    expect(refused.node_groups[1]).toMatchObject({ name: 'machines', count: 3 });
    expect(await health()).toBe('GREEN');
    expect(await modes(3)).toEqual([...Array(2).fill('Mode: follower\n'), 'Mode: leader\n']);
    // What leaves keeps nothing that would stand in its way when it comes back.
    const alone = await wadi.import({ ...importOf(lab, 'alone', lab.inventory.machines.slice(3)) });
    const run = await wadi.run(alone.id, {
      command: 'ls /etc/wadi/zookeeper/zoo.cfg || echo none',
      targets: ['machines'],
    });
    for (const name of ['machine-4', 'machine-5'])
      expect((await wadi.output(run, name)).toString()).toBe('none\n');
  }, 300_000);
});
