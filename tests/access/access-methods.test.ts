import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, type LabInventory, type LabMachine, labUp } from '../set-up/lab.ts';
import { accessCases, factsOf, firstHops } from './access-cases.ts';
import type { AccessCase, AccessOutcome } from './driver-access-methods.ts';
import { type Answer, LabController } from './lab-controller.ts';

/** `npm run test:access` runs what takes long too. */
const everything = process.env.WADI_ACCESS === 'all';
const driver = fileURLToPath(new URL('driver-access-methods.ts', import.meta.url));
const allow = ['198.18.0.0/24', '10.77.0.0/16'];

let lab: Lab;
let pages: ChildProcess;
let inventory: LabInventory & { router: { id: string; namespace: string } };

beforeAll(async () => {
  lab = await labUp({ machines: 2, router: true });
  inventory = lab.inventory as typeof inventory;
  pages = await servePages(lab, 'proxy-1');
});
afterAll(async () => {
  pages?.kill('SIGKILL');
  await lab?.down();
});

/** Proxies of the lab have no web server. */
async function servePages(on: Lab, machine: string): Promise<ChildProcess> {
  const page = `(_, answer) => answer.end('hello from ${machine}\\n')`;
  const script = `require('node:http').createServer(${page}).listen(8080, () => console.log('listening'))`;
  const [program = '', ...argv] = on.machineArgv(machine, [process.execPath, '-e', script]);
  const child = spawn(program, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

async function outcomes(on: Lab, cases: readonly AccessCase[]): Promise<readonly AccessOutcome[]> {
  const input = { cases, privateKey: on.privateKey, allow, lab: on.name };
  return (await on.drive(driver, input, { timeout: 300_000 })) as readonly AccessOutcome[];
}

const expected = ({ what, target }: AccessCase, route: string): AccessOutcome => ({
  what,
  route,
  run: target,
  file: 'the same',
  page: `hello from ${target}`,
});

const wanted: readonly (readonly [string, string])[] = [
  ['fixed_ip alone', 'tcp > proxy-1'],
  ['floating_ip alone', 'tcp > machine-1'],
  ['netns alone', 'netns > machine-1'],
  ['proxy_command alone', 'command > machine-1'],
  ['agent alone', 'agent > machine-1'],
  ['fixed_ip with a proxy', 'tcp > proxy-1 > machine-2'],
  ['floating_ip with a proxy', 'tcp > machine-1 > machine-2'],
  ['netns with a proxy', 'netns > machine-1 > machine-2'],
  ['proxy_command with a proxy', 'command > machine-1 > machine-2'],
  ['agent with a proxy', 'agent > machine-1 > machine-2'],
  ['fixed_ip with two jumps', 'tcp > proxy-1 > machine-1 > machine-2'],
];

describe('a command, a file and a web page', () => {
  let cases: readonly AccessCase[];
  let came: readonly AccessOutcome[];
  beforeAll(async () => {
    cases = accessCases(inventory);
    came = await outcomes(lab, cases);
  });

  it.each(wanted)('by %s', (what, route) => {
    const one = cases.find((each) => each.what === what) as AccessCase;
    expect(came.find((each) => each.what === what)).toEqual(expected(one, route));
  });

  it('have no other way than the one that was taken', async () => {
    const [first] = inventory.machines as readonly [LabMachine];
    const knock = (argv: readonly string[]) =>
      lab.inController([...argv, '-u', `TCP:${first.internalIp}:22,connect-timeout=2`, '-']);
    expect((await knock(['socat'])).status).not.toBe(0);
    const inside = ['ip', 'netns', 'exec', inventory.router.namespace, 'timeout', '1', 'socat'];
    expect((await knock(inside)).stdout).toContain('SSH-2.0');
  });
});

describe('a cluster with an access method of its own', () => {
  let wadi: LabController;
  let cluster: Answer['body'];
  const network = ['--allow-network', '10.77.0.0/16'];
  const path = () => `/v2/clusters/${cluster.id}/access`;
  const put = (settings: object) => wadi.request('PUT', path(), settings);

  beforeAll(async () => {
    wadi = await LabController.start(lab, { args: network });
    cluster = await wadi.import(importBehindRouter());
  });
  afterAll(() => wadi?.stop());

  /** machine-1 is the proxy. */
  function importBehindRouter() {
    const machines = inventory.machines.map(({ name, internalIp, floatingIp, hostKeys }, place) => ({
      ...{ name, address: internalIp, user: inventory.user, identity: 'lab', is_proxy: place === 0 },
      ...{ floating_ip: floatingIp, host_keys: [...hostKeys] },
    }));
    const access = { method: 'netns', router_id: inventory.router.id };
    return { name: 'behind-router', access, identities: { lab: { private_key: lab.privateKey } }, machines };
  }

  async function routeTaken(): Promise<string | null | undefined> {
    const run = await wadi.run(cluster.id, { command: 'hostname', targets: ['machine-2'] });
    expect((await wadi.output(run, 'machine-2')).toString()).toBe('machine-2\n');
    const page = await wadi.fetch(`/v2/clusters/${cluster.id}/instances/machine-2/http/8080/`);
    expect([page.status, await page.text()]).toEqual([200, 'hello from machine-2\n']);
    return run.targets[0]?.route;
  }

  it('is imported with it, and shows the namespace', async () => {
    expect([cluster.status, cluster.status_description]).toEqual(['Active', '']);
    expect(await routeTaken()).toBe('netns > machine-1 > machine-2');
    const { body } = await wadi.request('GET', `/v2/clusters/${cluster.id}/instances`);
    expect(body.instances[0]).toMatchObject({
      name: 'machine-1',
      floating_ip: inventory.machines[0]?.floatingIp,
    });
    expect(body.instances[0].route.hops).toEqual([
      { kind: 'netns', namespace: inventory.router.namespace, host: '10.77.1.1', port: 22 },
    ]);
    expect((await wadi.request('GET', path())).body.access).toEqual({
      settings: { method: 'netns', router_id: inventory.router.id },
      effective: {
        ...{ method: 'netns', namespace: inventory.router.namespace, proxy_command: null },
        ...{ relay: 'auto', problem: null },
      },
    });
  });

  it('goes another way as soon as it is told so', async () => {
    expect((await put({ method: 'floating_ip' })).status).toBe(200);
    expect(await routeTaken()).toBe('tcp > machine-1 > machine-2');
    const { proxy_command, router_id } = firstHops(inventory).proxy_command ?? {};
    expect((await put({ method: 'proxy_command', proxy_command, router_id })).status).toBe(200);
    expect(await routeTaken()).toBe('command > machine-1 > machine-2');
  });

  it.each([
    [{ method: 'netns' }, 'router_id', 'needs a router_id'],
    [{ method: 'netns', router_id: 'r', namespace: 'qrouter-other' }, 'namespace', 'give one of the two'],
    [
      { method: 'netns', router_id: 'r', proxy_command: 'nc {host} {port}' },
      'proxy_command',
      'no use for it',
    ],
    [{ method: 'fixed_ip', router_id: 'r' }, 'router_id', 'no use for it'],
    [{ method: 'proxy_command' }, 'proxy_command', 'needs a proxy_command'],
    [{ method: 'proxy_command', proxy_command: 'nc {hst} {port}' }, 'proxy_command', "'{hst}' at position 4"],
    [
      { method: 'proxy_command', proxy_command: 'nc {host} {port} {network_id}' },
      'proxy_command',
      'needs network_id, which nobody said',
    ],
  ])('refuses what contradicts itself: %j', async (settings, field, message) => {
    const { status, body } = await put(settings);
    expect([status, body.fields]).toEqual([400, [field]]);
    expect(body.error_message).toContain(message);
  });

  it('says which of its words it does not know, and takes none', async () => {
    const { status, body } = await put({ method: 'carrier_pigeon', speed: 1 });
    expect([status, body.error_name]).toEqual([400, 'VALIDATION_ERROR']);
    expect((await wadi.request('GET', path())).body.access.settings.method).not.toBe('carrier_pigeon');
  });

  it('says why nobody is reached when the router is gone', async () => {
    await put({ method: 'netns', namespace: 'qrouter-gone' });
    const run = await wadi.run(cluster.id, { command: 'hostname', targets: ['machine-2'] });
    expect(run.targets[0]).toMatchObject({
      status: 'unreachable',
      error: {
        code: 'FIRST_HOP_FAILED',
        hop: 'machine-1',
        phase: 'dial',
        hint: expect.stringContaining('ip netns list'),
      },
    });
    const [change] = await wadi.audited((record) => record.action === 'cluster.access');
    expect(change).toMatchObject({ cluster: cluster.id });
  });
});

describe.runIf(everything)('the relay in a namespace', () => {
  it.each(['nc', 'ncat', 'socat', 'devtcp'])(
    'may be %s',
    async (relay) => {
      const cases = accessCases(inventory)
        .filter(({ what }) => what.startsWith('netns'))
        .map((each) => ({ ...each, access: { ...each.access, relay } }));
      const [only, behind] = await outcomes(lab, cases);
      expect(only).toEqual(expected(cases[0] as AccessCase, 'netns > machine-1'));
      expect(behind).toEqual(expected(cases[1] as AccessCase, 'netns > machine-1 > machine-2'));
    },
    120_000,
  );
});

describe.runIf(everything).each(['nologin', 'force-command'] as const)(
  'a proxy that only forwards (%s)',
  (jumpOnly) => {
    let strict: Lab;
    beforeAll(async () => {
      strict = await labUp({ machines: 1, router: true, jumpOnly });
    });
    afterAll(() => strict?.down());

    it('lets through whatever reaches it', async () => {
      const there = strict.inventory as typeof inventory;
      const [proxy, machine] = [there.proxies[0], there.machines[0]].map((each) =>
        factsOf(each as LabMachine),
      );
      const instances = [proxy, machine].filter((each) => each !== undefined);
      const cases = Object.entries(firstHops(there)).map(
        ([what, access]): AccessCase => ({ what, access, instances, target: 'machine-1' }),
      );
      const came = await outcomes(strict, cases);
      const kinds: Record<string, string> = { netns: 'netns', proxy_command: 'command', agent: 'agent' };
      expect(came).toEqual(
        cases.map((one) => expected(one, `${kinds[one.what] ?? 'tcp'} > proxy-1 > machine-1`)),
      );
    }, 120_000);
  },
);
