import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { fingerprint, parseHostKey } from '../../packages/controller/src/access/host-key.ts';
import { openDatabase, openPool } from '../../packages/controller/src/storage/database.ts';
import type { LabController } from '../access/lab-controller.ts';
import { clusterBody, createCluster, registerImages, untilStatus } from '../openstack/cloud-clusters.ts';
import { CloudBed } from '../set-up/openstack/cloud-bed.ts';
import type { Machine } from '../set-up/openstack/hooks.ts';
import { readUserData } from '../set-up/openstack/read-user-data.ts';
import { plantSecret } from '../set-up/run-folder.ts';
import { instances, said } from './rotated-cluster.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 180_000 });

/** `npm run test:keys` */
const all = process.env.WADI_KEYS === 'all';

let bed: CloudBed;
let wadi: LabController;
/** Machines as they were started, by server. */
const started = new Map<string, Machine>();

beforeAll(async () => {
  bed = await CloudBed.open();
  const { onServerActive } = bed.servers.hooks;
  bed.cloud.hooks.onServerActive = (machine) => {
    started.set(machine.id, machine);
    const { hostKey } = readUserData(machine.userData ?? '');
    if (hostKey) plantSecret('injected-host-key', hostKey);
    return onServerActive(machine);
  };
  bed.cloud.hooks.consoleOutput = () => null;
  wadi = await bed.controller();
  await registerImages(wadi, bed.cloud);
});
afterAll(async () => {
  await wadi?.stop();
  await bed?.close();
});

/** Those whose private half came with user data, and how many of them the database has still. */
async function leftovers(): Promise<unknown> {
  const pool = openPool({ url: wadi.controller.databaseUrl ?? '' }, 1, () => {});
  const { rows } = await sql<{ purpose: string }>`
    select purpose from secret where purpose = 'injected-host-key'`.execute(openDatabase(pool));
  await pool.end();
  return rows;
}

test.each(all ? (['script', 'cloud-config'] as const) : (['script'] as const))(
  'where machines show no console, they are given a host key by their %s, and make another one before the cluster is Active',
  async (userData) => {
    const id = await createCluster(wadi, clusterBody(bed.cloud, userData, { machines: 1, userData }));
    await untilStatus(wadi, id, 'Active');
    const made = await instances(wadi, id);
    expect(made.map(({ host_key }) => [host_key.source, host_key.fingerprints.length])).toEqual([
      ['cloud', 1],
      ['cloud', 1],
    ]);
    const shown = await said(wadi, id, 'cat /etc/ssh/ssh_host_ed25519_key.pub; ls /etc/ssh');
    for (const { name, cloud_instance_id, host_key } of made) {
      const machine = started.get(cloud_instance_id);
      expect(readUserData(machine?.userData ?? '').hostKey).toMatch(/BEGIN OPENSSH PRIVATE KEY/);
      const injected = fingerprint(parseHostKey(machine?.metadata.wadi_host_key ?? '') ?? '');
      expect(host_key.fingerprints).toEqual([
        fingerprint(parseHostKey(shown[name]?.split('\n')[0] ?? '') ?? ''),
      ]);
      expect(host_key.fingerprints).not.toContain(injected);
      expect(shown[name]).not.toContain('wadi');
    }
    expect(await leftovers()).toEqual([]);
    const { body } = await wadi.request('GET', `/v2/clusters/${id}/events`);
    const types = body.events.map(({ type }: { type: string }) => type);
    expect(types.filter((type: string) => type === 'host-key.rotated')).toHaveLength(2);
    expect(types).not.toContain('host-key.mismatch');
    await wadi.deleted(id);
  },
);

test.runIf(all)('of a cloud it is found out once, and what is made on the way is gone', async () => {
  const names = [...started.values()].map(({ name }) => name);
  // The first two were made before anybody knew.
  expect(names.filter((name) => name.startsWith('script-'))).toHaveLength(4);
  expect(names.filter((name) => name.startsWith('cloud-config-'))).toHaveLength(2);
  expect(bed.cloud.inventory('demo').servers).toEqual([]);
});

test.runIf(all)(
  'a cluster that grows has its new machines make host keys, and leaves the others theirs',
  async () => {
    const id = await createCluster(wadi, clusterBody(bed.cloud, 'grows', { machines: 0 }));
    await untilStatus(wadi, id, 'Active');
    const [before] = await instances(wadi, id);
    const flavor_id = bed.cloud.furniture.flavors['lab.tiny'];
    const group = { name: 'more', count: 1, node_processes: ['machine'], flavor_id };
    const answer = await wadi.request('PUT', `/v2/clusters/${id}`, { add_node_groups: [group] });
    expect(answer.status, JSON.stringify(answer.body)).toBe(202);
    await untilStatus(wadi, id, 'Active');
    const after = await instances(wadi, id);
    expect(after.map(({ host_key }) => host_key.source)).toEqual(['cloud', 'cloud']);
    expect(after.find(({ name }) => name === before.name)?.host_key).toEqual(before.host_key);
    expect(await leftovers()).toEqual([]);
  },
);
