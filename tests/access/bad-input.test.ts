import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ImportedMachine } from '@wadi/api';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runWadi } from '../cli/run-wadi.ts';
import { type Lab, labUp } from '../set-up/lab.ts';
import { plantSecret } from '../set-up/run-folder.ts';
import { type Answer, type Controller, startController } from '../set-up/start-controller.ts';

// What people and networks do wrong, as a user of the controller and of the command line meets it. The same at the
// level of connections: packages/indirect-access/src/bad-input.test.ts.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 });

let lab: Lab;
/** Its proxy forbids forwarding and has nothing that could relay. */
let bareLab: Lab;
let peers: ChildProcess;
let wadi: Controller;
let doors: { lab: Door; bareLab: Door };
type Door = { readonly host: string; readonly port: number };
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const wrongKey = privateKey.export({ format: 'pem', type: 'sec1' }).toString();

beforeAll(async () => {
  lab = await labUp({ machines: 2 });
  bareLab = await labUp({
    machines: 1,
    noForwarding: true,
    without: ['nc', 'ncat', 'socat', 'bash'],
  });
  const script = fileURLToPath(new URL('odd-peers.ts', import.meta.url));
  const [program = '', ...argv] = lab.machineArgv('machine-1', [process.execPath, '--import', 'tsx', script]);
  const child = spawn(program, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  peers = child;
  await once(child.stdout, 'data');
  for (const secret of [wrongKey, lab.privateKey, bareLab.privateKey]) plantSecret('key', secret);
  doors = { lab: await lab.door('proxy-1'), bareLab: await bareLab.door('proxy-1') };
  wadi = await startController({ args: ['--sandbox', '--allow-network', '127.0.0.0/8'] });
});
afterAll(async () => {
  await wadi?.stop();
  peers?.kill('SIGKILL');
  await lab?.down();
  await bareLab?.down();
});

interface Machines {
  readonly lab?: 'lab' | 'bareLab';
  readonly proxy?: Partial<ImportedMachine>;
  readonly machine?: Partial<ImportedMachine>;
}

/** A cluster of one proxy and one machine. */
function describeCluster(name: string, { lab: which = 'lab', proxy, machine }: Machines) {
  const { inventory, privateKey: key } = which === 'lab' ? lab : bareLab;
  const [bastion, worker] = [inventory.proxies[0], inventory.machines[0]];
  const door = doors[which];
  const common = { user: inventory.user, identity: 'lab' };
  const keys = { proxy: [...(bastion?.hostKeys ?? [])], machine: [...(worker?.hostKeys ?? [])] };
  return {
    name,
    identities: { lab: { private_key: key }, wrong: { private_key: wrongKey } },
    machines: [
      {
        ...common,
        name: 'proxy',
        address: door.host,
        port: door.port,
        is_proxy: true,
        host_keys: keys.proxy,
        ...proxy,
      },
      { ...common, name: 'machine', address: worker?.internalIp, host_keys: keys.machine, ...machine },
    ],
  };
}

/** Imports and waits; returns the cluster, and what its machines were said to wait for, the last first. */
async function importCluster(name: string, machines: Machines) {
  const { status, body } = await wadi.request('POST', '/v2/clusters/import', describeCluster(name, machines));
  expect({ status, body }).toMatchObject({ status: 202 });
  const { id } = body.cluster;
  const waiting: Answer['body'][] = [];
  for (let after = '0'; ; ) {
    const { events } = (await wadi.request('GET', `/v2/clusters/${id}/events?after=${after}&wait=20`)).body;
    for (const event of events) {
      if (event.type === 'instance.waiting') waiting.unshift(event.body);
      if (event.type === 'cluster.status' && ['Active', 'Error'].includes(event.body.status)) {
        const { cluster } = (await wadi.request('GET', `/v2/clusters/${id}`)).body;
        return { cluster, waiting };
      }
    }
    after = events.at(-1)?.sequence ?? after;
  }
}

async function deleteCluster(id: string): Promise<void> {
  await wadi.request('DELETE', `/v2/clusters/${id}`);
  await vi.waitFor(
    async () => expect((await wadi.request('GET', `/v2/clusters/${id}`)).status).toBe(404),
    60_000,
  );
}

describe('a cluster that cannot be reached says why and where, and leaves nothing open', () => {
  const otherKey = () => ({ host_keys: [...(lab.inventory.machines[1]?.hostKeys ?? [])] });
  const cases: [string, () => Machines, object][] = [
    [
      'a wrong key',
      () => ({ machine: { identity: 'wrong' } }),
      { code: 'AUTHENTICATION_FAILED', hop: 'machine', phase: 'authentication' },
    ],
    [
      'a wrong key for the proxy',
      () => ({ proxy: { identity: 'wrong' } }),
      { code: 'AUTHENTICATION_FAILED', hop: 'proxy', phase: 'authentication' },
    ],
    [
      'a wrong host key',
      () => ({ machine: otherKey() }),
      { code: 'HOST_KEY_MISMATCH', hop: 'machine', phase: 'host-key' },
    ],
    [
      'a wrong host key of the proxy',
      () => ({ proxy: otherKey() }),
      { code: 'HOST_KEY_MISMATCH', hop: 'proxy', phase: 'host-key' },
    ],
    [
      'a closed port',
      () => ({ machine: { port: 9 } }),
      { code: 'TARGET_UNREACHABLE', hop: 'machine', phase: 'dial' },
    ],
    [
      'a dead proxy',
      () => ({ proxy: { port: 9 } }),
      { code: 'CONNECTION_REFUSED', hop: 'proxy', phase: 'dial' },
    ],
    [
      'a proxy that forbids forwarding and lacks every relay',
      () => ({ lab: 'bareLab' }),
      { code: 'NO_RELAY', hop: 'proxy', phase: 'relay' },
    ],
    [
      'a machine that accepts TCP and never speaks',
      () => ({ machine: { port: 9101 } }),
      { code: 'NOT_SSH', hop: 'machine', phase: 'banner' },
    ],
    [
      'banner noise that never ends',
      () => ({ machine: { port: 9102 } }),
      { code: 'NOT_SSH', hop: 'machine', phase: 'banner' },
    ],
  ];

  // At once: a machine that was imported has twenty seconds to answer.
  it.concurrent.each(cases)('%s', async (what, machines, problem) => {
    const { cluster, waiting } = await importCluster(what.replaceAll(' ', '-').slice(0, 40), machines());
    expect(cluster.status).toBe('Error');
    const { code, hop } = problem as { code: string; hop: string };
    expect(cluster.status_description).toContain(code);
    expect(cluster.status_description).toContain(hop);
    expect(cluster.status_description).not.toContain('PRIVATE KEY');
    expect(waiting[0]).toMatchObject(problem);
    await deleteCluster(cluster.id);
  });

  it('and no connection stands when the last is gone', async () => {
    for (const [of, machine] of [
      [lab, 'proxy-1'],
      [lab, 'machine-1'],
      [bareLab, 'proxy-1'],
    ] as const)
      await vi.waitFor(async () => expect(await of.sshConnections(machine)).toBe(0), 10_000);
  });

  it('a cluster whose proxy group has count 0 is not even begun', async () => {
    const group = { flavor_id: '1', node_processes: ['machine'] };
    const { status, body } = await wadi.request('POST', '/v2/clusters', {
      name: 'no-proxy',
      plugin_name: 'bare',
      plugin_version: '1.0',
      node_groups: [
        { ...group, name: 'gate', count: 0, is_proxy: true },
        { ...group, name: 'worker', count: 1 },
      ],
    });
    expect({ status, body }).toMatchObject({ status: 400, body: { hint: expect.stringContaining('count') } });
    expect(body.error_message).toContain("'gate'");
  });
});

describe('on a machine whose sshd is preceded by noise', () => {
  let id: string;
  const run = (...args: string[]) =>
    runWadi(['run', 'noise', '-w', 'machine', '--no-prefix', ...args], { data: wadi.data });

  beforeAll(async () => {
    const { cluster } = await importCluster('noise', { machine: { port: 9103 } });
    expect(cluster.status_description).toBe('');
    expect(cluster.status).toBe('Active');
    id = cluster.id;
  });
  afterAll(() => deleteCluster(id));

  it.each<[string, string, string, number]>([
    ['output without newline', 'printf abc', 'abc', 0],
    ['no output', 'true', '', 0],
    ['a line of 300,000 characters', 'head -c 300000 /dev/zero | tr "\\0" x', 'x'.repeat(300_000), 0],
    ['UTF-8 that is split', "printf 'a\\303'; sleep 0.3; printf '\\251b'", 'aéb', 0],
    ['a command killed by a signal', 'echo begun; kill -KILL $$', 'begun\n', 1],
  ])('%s', async (_what, command, stdout, code) => {
    const ended = await run('--', command);
    expect(ended).toMatchObject({ stdout, code });
    if (code === 1) expect(ended.stderr).toContain('killed by signal KILL');
  });

  // A GiB: imported-cluster.test.ts, without a door in the way.
  it('more output than is kept: the beginning is kept whole, and it says that there was more', async () => {
    const { stdout, stderr, code } = await run('--max-output', '2', '--', 'head -c 99999999 /dev/zero');
    expect({ code, whole: stdout === '\0'.repeat(2 << 20) }).toEqual({ code: 0, whole: true });
    expect(stderr).toContain('longer than what is kept: machine');
  });

  it('paths with spaces, quotes, $, a newline, a leading -, and what else a shell would look at', async () => {
    const names = ['with space', "it's", '"', '$HOME', 'two\nlines', '-rf', '*', '\\', '`id`'];
    const script =
      'cd "$(mktemp -d)"; for name; do printf %s "$name" > "./$name"; done; ls | wc -l; cat -- "$@"; rm -r "$PWD"';
    const { stdout, code } = await run('--', 'sh', '-ec', script, 'sh', ...names);
    expect({ stdout, code }).toEqual({ stdout: `${names.length + 1}\n${names.join('')}`, code: 0 });
  });

  it('an unknown node name', async () => {
    const ended = await runWadi(['run', 'noise', '-w', 'machin', '--', 'true'], { data: wadi.data });
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toContain('no machine or node group named machin\n');
  });
});
