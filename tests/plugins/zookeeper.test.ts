// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a format of dpkg-query
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, importOf, LabController } from '../access/lab-controller.ts';
import { type Lab, labUp } from '../set-up/lab.ts';
import { packageSource } from './package-source.ts';

const server = fileURLToPath(new URL('file-server.ts', import.meta.url));
let lab: Lab;
let wadi: LabController;
let files: ChildProcess;
let cluster: Answer['body'];
let settings: Record<string, string | number>;

/** The first machines of the lab, as a cluster. */
function importServers(count: number): Promise<Answer['body']> {
  return wadi.import({
    ...importOf(lab, 'zoo', lab.inventory.machines.slice(0, count)),
    plugin_name: 'zookeeper',
    cluster_configs: { ZooKeeper: settings },
  });
}

beforeAll(async () => {
  const folder = await packageSource('zookeeper');
  lab = await labUp({ machines: 5 });
  wadi = await LabController.start(lab);
  const [proxy] = lab.inventory.proxies;
  const argv = [process.execPath, '--import', 'tsx', server, proxy?.internalIp ?? '', '8000', folder];
  const [program = '', ...rest] = lab.machineArgv('proxy-1', argv);
  files = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  if (files.stdout) await once(files.stdout, 'data');
  settings = { 'Package source': `deb [trusted=yes] http://${proxy?.internalIp}:8000/ ./`, 'Heap size': 128 };
  cluster = await importServers(3);
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
    const modes = await Promise.all(
      lab.inventory.machines.slice(0, 3).map(({ name }) => outputOf(name, `${ask} srvr | grep Mode`)),
    );
    expect(modes.sort()).toEqual(['Mode: follower\n', 'Mode: follower\n', 'Mode: leader\n']);
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

  it('grows by one server and knows what it knew, and by no more than one', async () => {
    // Machines that were imported are left as they are when their cluster goes: the plugin finds its servers running.
    await wadi.deleted(cluster.id);
    cluster = await importServers(5);
    expect(cluster.status_description).toContain('cannot go from 3 to 5 servers at once');
    await wadi.deleted(cluster.id);
    cluster = await importServers(4);
    expect(cluster.status_description).toBe('');
    expect(await outputOf('machine-4', `${client} get /wadi 2>&1`)).toContain('through one door');
    const modes = await Promise.all(
      ['machine-1', 'machine-2', 'machine-3', 'machine-4'].map((name) =>
        outputOf(name, `${ask} srvr | grep Mode`),
      ),
    );
    expect(modes.filter((mode) => mode === 'Mode: leader\n')).toHaveLength(1);
    expect(modes.filter((mode) => mode === 'Mode: follower\n')).toHaveLength(3);
  }, 200_000);
});
