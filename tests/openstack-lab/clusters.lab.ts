import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { OpenStack } from '@wadi/openstack';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { runWadi } from '../cli/run-wadi.ts';
import { ClientFolder } from '../dataprocessing-client/client-folder.ts';
import { OpenStack as Client } from '../dataprocessing-client/openstack.ts';
import { endOpenStack } from '../dataprocessing-client/openstack-forks.ts';
import { ForeignMachine } from './foreign-machine.ts';
import { type LabController, runOnAll, startLabController, until, untilGone } from './lab-controller.ts';
import { clientOf, cloudOf, type Furniture, furniture, inventory, labUser } from './project.ts';
import { openPorts } from './scan.ts';

const execute = promisify(execFile);
const demo = labUser('demo', 'demo');
/** Of the plugin `pages`. */
const pagePort = 8082;
const ports = [22, 80, 8080, pagePort];
/** Where the machines behind the proxy really listen. */
const used = [22, 8080, pagePort];
let openstack: OpenStack;
let given: Furniture;
let before: string[];
let wadi: LabController;
let client: Client;
let foreign: ForeignMachine;

beforeAll(async () => {
  openstack = clientOf(demo);
  given = await furniture(openstack);
  foreign = await ForeignMachine.create(openstack, given);
  before = await inventory(openstack);
  wadi = await startLabController(openstack, { plugins: ownPlugins() });
  const folder = new ClientFolder({ demo: cloudOf(demo) });
  const url = `${wadi.controller.url}/v2`;
  client = new Client(folder, '2', '--os-cloud', 'demo', '--os-data-processing-url', url);
});
afterAll(async () => {
  await wadi?.stop();
  await endOpenStack();
  await foreign?.delete();
  await openstack?.close();
});

/** Copied to where nobody but us may write. */
function ownPlugins(): string {
  const folder = path.join(mkdtempSync(path.join(inject('runFolder'), 'plugins-')), 'plugins');
  cpSync(fileURLToPath(new URL('./plugins', import.meta.url)), folder, { recursive: true });
  return folder;
}

/** The command line, as the member. */
function run(...args: readonly string[]) {
  const env = { WADI_URL: wadi.controller.url, WADI_TOKEN: wadi.token };
  return runWadi(args, { env, deadline: 900_000 });
}

/** Five machines do what they are asked, and each one's page is got through the proxy. */
async function isWhole(id: string, name: string, machines: number): Promise<void> {
  const hosts = await runOnAll(wadi, id, 'hostname');
  expect(Object.keys(hosts)).toHaveLength(machines);
  for (const [machine, host] of Object.entries(hosts)) expect(host).toBe(machine);
  // Of the image's own programs: it has no web server but this.
  await runOnAll(
    wadi,
    id,
    'mkdir -p site && hostname > site/index.html && { busybox pgrep httpd || busybox httpd -p 8080 -h site; } > /dev/null',
  );
  for (const machine of Object.keys(hosts)) {
    const page = await run('http', `${name}/${machine}:8080/index.html`);
    expect(page).toMatchObject({ code: 0, stdout: expect.stringContaining(machine) });
  }
}

async function ip(...args: readonly string[]): Promise<string> {
  return (await execute('ip', args)).stdout;
}

/** Of the router, on the network that it leads to. */
async function outerAddress(namespace: string): Promise<string> {
  const shown = await ip('-n', namespace, '-4', '-o', 'address', 'show');
  return /: qg-\S+ +inet (\S+)\/24/.exec(shown)?.[1] ?? '';
}

async function newThings(): Promise<string[]> {
  return (await inventory(openstack)).filter((line) => !before.includes(line));
}

test('`openstack dataprocessing cluster create --wait`: one proxy and four machines, one floating address', async () => {
  await client.run(`image register ${given.image} --username debian`);
  const group = (name: string, more: string) =>
    client.run(
      `node group template create --name ${name} --plugin pages --plugin-version 1.0 --flavor ${given.flavor} --processes ${more}`,
    );
  expect(await group('gate', 'proxy --proxy-gateway')).toMatchObject({ code: 0 });
  expect(await group('inner', 'page')).toMatchObject({ code: 0 });
  expect(await client.run('cluster template create --name five --node-groups gate:1 inner:4')).toMatchObject({
    code: 0,
  });
  const shown = await client.show(
    `cluster create --name five --cluster-template five --image ${given.image} --neutron-network private --wait`,
  );
  expect(shown).toMatchObject({ Status: 'Active' });
  await isWhole(shown.Id, 'five', 5);
  expect((await newThings()).filter((line) => line.startsWith('floating address'))).toHaveLength(1);
});

test('inner machines are not to be reached from outside; with the groups opened by hand they are', async () => {
  const { body } = await wadi.request('GET', '/v2/clusters');
  const groups = body.clusters[0].node_groups as { name: string; instances: { internal_ip: string }[] }[];
  const addressesOf = (group: string) =>
    groups
      .filter(({ name }) => name === group)
      .flatMap(({ instances }) => instances.map((one) => one.internal_ip));
  const [addresses, gates] = [addressesOf('inner'), addressesOf('gate')];
  expect([addresses.length, gates.length]).toEqual([4, 1]);
  const floating = (await newThings()).flatMap(
    (line) => /^floating address \S+ (\S+)$/.exec(line)?.[1] ?? [],
  );
  expect(floating).toHaveLength(1);
  await foreign.started();
  const [router] = await openstack.routers.list({ name: 'router' });
  const namespace = `qrouter-${router?.id}`;
  const inRouter = ['ip', 'netns', 'exec', namespace];
  // Else there would not even be a way that could be closed.
  const way = ['10.20.0.0/24', 'via', await outerAddress(namespace)];
  await ip('route', 'add', ...way);
  try {
    expect(await openPorts(addresses, ports)).toEqual([]);
    expect(await openPorts(addresses, ports, inRouter)).toEqual([]);
    expect(await foreign.openPorts(addresses, ports)).toEqual([]);
    // Nor the proxy, which lets in the controller alone.
    expect(await openPorts(floating, ports)).toEqual([`${floating[0]}:22`]);
    expect(await openPorts(gates, ports, inRouter)).toEqual([]);
    expect(await foreign.openPorts([...gates, ...floating], ports)).toEqual([]);
    expect(await run('cluster', 'verify', 'five', '--wait')).toMatchObject({ code: 0 });

    const groupsOf = await openstack.securityGroups.list();
    const inside = groupsOf.find(({ name }) => name.startsWith('wadi-five-') && name.endsWith('-inside'));
    const opened = await openstack.securityGroupRules.create({
      ...{ security_group_id: inside?.id ?? '', direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp' },
      remote_ip_prefix: '0.0.0.0/0',
    });
    const patience = { timeout: 120_000, interval: 2000 };
    try {
      const open = addresses.flatMap((address) => used.map((port) => `${address}:${port}`)).sort();
      const sorted = async (found: Promise<string[]>) => (await found).sort();
      await expect.poll(() => sorted(openPorts(addresses, ports)), patience).toEqual(open);
      await expect.poll(() => sorted(openPorts(addresses, ports, inRouter)), patience).toEqual(open);
      await expect.poll(() => sorted(foreign.openPorts(addresses, ports)), patience).toEqual(open);
      await expect.poll(() => foreign.openPorts(gates, [22]), patience).toEqual([`${gates[0]}:22`]);
      const verified = await run('cluster', 'verify', 'five', '--wait');
      expect(verified.code).not.toBe(0);
      expect(verified.stdout + verified.stderr).toMatch(/RED/);
    } finally {
      await openstack.securityGroupRules.delete(opened.id);
    }
    await expect.poll(() => openPorts(addresses, ports), patience).toEqual([]);
    await expect.poll(() => foreign.openPorts([...addresses, ...gates], ports), patience).toEqual([]);
  } finally {
    await ip('route', 'del', ...way);
  }
});

test('scaled to six and to two', async () => {
  const { body } = await wadi.request('GET', '/v2/clusters');
  const [{ id }] = body.clusters;
  for (const [count, machines] of [
    [6, 7],
    [2, 3],
  ] as const) {
    expect(await run('cluster', 'scale', 'five', `inner=${count}`)).toMatchObject({ code: 0 });
    await until(wadi, id, 'Active');
    expect(Object.keys(await runOnAll(wadi, id, 'true'))).toHaveLength(machines);
    const servers = (await newThings()).filter((line) => line.startsWith('server '));
    expect(servers).toHaveLength(machines);
  }
});

test('a machine rebuilt behind our back is a hard stop', async () => {
  const { body } = await wadi.request('GET', '/v2/clusters');
  const [{ id }] = body.clusters;
  const server = (await openstack.servers.list()).find(({ name }) => name === 'five-inner-0');
  await openstack.service('compute').tell({
    method: 'POST',
    path: ['servers', server?.id ?? '', 'action'],
    body: { rebuild: { imageRef: given.image } },
  });
  // While it starts anew, it does not answer at all.
  const explanation = async () => {
    const { code, stdout, stderr } = await run('explain', 'five/five-inner-0');
    return `${code} ${stdout}${stderr}`;
  };
  const patience = { timeout: 900_000, interval: 5000 };
  await expect.poll(explanation, patience).toMatch(/^3 [\s\S]*host key/i);
  const refused = await run('run', 'five', '-w', 'five-inner-0', '--', 'true');
  expect(refused).toMatchObject({ code: 3, stderr: expect.stringMatching(/host key/i) });
  expect((await wadi.request('GET', `/v2/clusters/${id}`)).body.cluster.status).toBe('Active');
});

test('deleted, the project has what it had before', async () => {
  const { body } = await wadi.request('GET', '/v2/clusters');
  const [{ id }] = body.clusters;
  expect(await client.run('cluster delete five --wait')).toMatchObject({ code: 0 });
  await untilGone(wadi, id);
  expect(await inventory(openstack)).toEqual(before);
});

test('`wadi cluster create`: machines of an image with cloud-init', async () => {
  await client.run(`image register ${given.cloudInitImage} --username debian`);
  const group = { flavor_id: given.largerFlavor, node_processes: ['machine'] };
  const wanted = {
    ...{ name: 'two', plugin_name: 'bare', plugin_version: '1.0' },
    ...{ default_image_id: given.cloudInitImage, neutron_management_network: given.network },
    node_groups: [
      { ...group, name: 'gate', count: 1, is_proxy: true },
      { ...group, name: 'inner', count: 1 },
    ],
  };
  const env = { WADI_URL: wadi.controller.url, WADI_TOKEN: wadi.token };
  const input = JSON.stringify(wanted);
  const made = await runWadi(['cluster', 'create', '-f', '-', '--wait'], { env, input, deadline: 900_000 });
  expect(made, made.stderr).toMatchObject({ code: 0 });
  const { body } = await wadi.request('GET', '/v2/clusters');
  const [{ id }] = body.clusters;
  expect(Object.keys(await runOnAll(wadi, id, 'test -e /var/lib/cloud/instance'))).toHaveLength(2);
  expect(await run('cluster', 'delete', 'two')).toMatchObject({ code: 0 });
  await untilGone(wadi, id);
  expect(await inventory(openstack)).toEqual(before);
});
