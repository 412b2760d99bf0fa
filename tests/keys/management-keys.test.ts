import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { generateManagementKey } from '../../packages/controller/src/access/management-key.ts';
import { userData } from '../../packages/controller/src/clouds/openstack/user-data.ts';
import { importOf, type LabController } from '../access/lab-controller.ts';
import {
  clusterBody,
  createCluster,
  registerImages,
  untilGone,
  untilStatus,
} from '../openstack/cloud-clusters.ts';
import { CloudBed } from '../set-up/openstack/cloud-bed.ts';
import { LabServers } from '../set-up/openstack/lab-servers.ts';
import { instances, letsIn, machineKeys, rotate, said, untilRotation } from './rotated-cluster.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 180_000 });

/** `npm run test:keys` */
const all = process.env.WADI_KEYS === 'all';
/** Moments at which the controller is killed. */
const kills = all ? 15 : 1;
const file = 'cat ~/.ssh/authorized_keys';

let bed: CloudBed;
let wadi: LabController;
let cluster: string;

beforeAll(async () => {
  bed = await CloudBed.open();
  wadi = await bed.controller();
  await registerImages(wadi, bed.cloud);
  cluster = await createCluster(wadi, clusterBody(bed.cloud, 'site', { machines: 2 }));
  await untilStatus(wadi, cluster, 'Active');
});
afterAll(async () => {
  await wadi?.stop();
  await bed?.close();
});

/** What the lab calls the machines of the cluster, by name. */
async function labNames(): Promise<Record<string, string>> {
  const found = await instances(wadi, cluster);
  return Object.fromEntries(found.map((each) => [each.name, LabServers.nameOf(each.cloud_instance_id)]));
}

/** For each of these keys, on which machines it is let in. */
async function opened(keys: readonly string[]): Promise<string[][]> {
  const names = Object.entries(await labNames());
  return await Promise.all(
    keys.map(async (key) => {
      const open = await Promise.all(names.map(([, machine]) => letsIn(bed.lab, machine, 'debian', key)));
      return names.flatMap(([name], place) => (open[place] ? [name] : [])).sort();
    }),
  );
}

/** Reached by the floating address, as the controller is told to. */
function imported(name: string) {
  const { machines, ...rest } = importOf(bed.lab, name);
  return {
    ...rest,
    machines: machines.map((one) => ('is_proxy' in one ? { ...one, floating_ip: one.address } : one)),
  };
}

const ours = (content: string) => content.split('\n').filter((line) => line.includes(' wadi site'));

test('new keys take the place of the old ones on every machine, while commands run and with nothing else touched', async () => {
  const others =
    '# mine\\nfrom="10.0.0.1",command="echo \\"wadi\\"" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOther me\\n\\n';
  await said(wadi, cluster, `printf '${others}' >> ~/.ssh/authorized_keys; chmod 640 ~/.ssh/authorized_keys`);
  const before = await said(wadi, cluster, file);
  const old = await machineKeys(wadi, cluster);
  expect((await opened(old)).map(({ length }) => length).sort()).toEqual([1, 2]);
  const asked = await wadi.request('POST', `/v2/clusters/${cluster}/runs`, { command: 'sleep 5; echo done' });

  const begun = await rotate(wadi, cluster, { kind: 'management' });
  expect((await rotate(wadi, cluster, { kind: 'management' })).id).toBe(begun.id);
  const { machines } = await untilRotation(wadi, cluster, begun.id, 'finished');
  expect(machines.map(({ instance, state, problem }) => [instance, state, problem])).toEqual(
    ['site-proxy-0', 'site-machine-0', 'site-machine-1'].map((name) => [name, 'done', null]),
  );

  const run = await wadi.ended(cluster, asked.body.run.id);
  expect(run.targets.map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'succeeded']);
  expect(await opened(old)).toEqual([[], []]);
  const now = await machineKeys(wadi, cluster);
  expect(now).toHaveLength(2);
  expect((await opened(now)).map(({ length }) => length).sort()).toEqual([1, 2]);
  const after = await said(wadi, cluster, file);
  for (const [name, content] of Object.entries(after)) {
    expect(ours(content)).toHaveLength(1);
    expect(ours(content)).not.toEqual(ours(before[name] ?? ''));
    const rest = (text: string) => text.split('\n').filter((line) => !ours(text).includes(line));
    expect(rest(content)).toEqual(rest(before[name] ?? ''));
  }
  expect(
    Object.values(await said(wadi, cluster, 'stat -c "%a %U" ~/.ssh/authorized_keys; ls ~/.ssh')),
  ).toEqual(Array.from({ length: 3 }, () => '640 debian\nauthorized_keys\n'));
});

test('what was asked for is in the audit log and among the events, and only an admin may ask', async () => {
  const [record] = await wadi.audited(({ action }) => action === 'management-key.rotate');
  expect(record).toMatchObject({ cluster, who: expect.any(String), rotation: expect.any(String) });
  const { body } = await wadi.request('GET', `/v2/clusters/${cluster}/events`);
  const types = body.events.map(({ type }: { type: string }) => type);
  expect(types).toEqual(expect.arrayContaining(['management-key.rotation-begun', 'management-key.rotated']));
  expect(types).not.toContain('host-key.mismatch');
  const { body: made } = await wadi.request('POST', '/v2/tokens', { name: 'member', role: 'member' });
  const refused = await wadi.fetch(`/v2/clusters/${cluster}/key-rotations`, {
    ...{ method: 'POST', body: '{"kind":"management"}' },
    headers: { 'X-Auth-Token': made.secret, 'Content-Type': 'application/json' },
  });
  expect(refused.status).toBe(403);
});

test('a machine that starts again does not let in again what was replaced', async () => {
  const old = generateManagementKey('wadi site').publicKey;
  const script = userData('script', { loginUser: 'debian', authorizedKeys: [old], command: null });
  const run = (command: string) =>
    said(wadi, cluster, `sudo sh -c '${command}' && cat ~/.ssh/authorized_keys`);
  const boot = `echo ${Buffer.from(script).toString('base64')} | base64 -d > /root/boot; sh /root/boot`;
  // As it has its host keys already.
  const first = await run(`mkdir -p /var/lib/wadi/first-boot; ${boot}`);
  for (const content of Object.values(first)) expect(content).toContain(old);
  const keys = '/home/debian/.ssh/authorized_keys';
  const again = await run(
    `grep -vF ${old.split(' ')[1]} ${keys} > /root/keys; cat /root/keys > ${keys}; sh /root/boot`,
  );
  for (const content of Object.values(again)) expect(content).not.toContain(old);
});

test(`the controller is killed at ${kills} moments of a rotation, and every rotation comes to its end`, async () => {
  for (let round = 0; round < kills; round += 1) {
    const old = await machineKeys(wadi, cluster);
    const { id } = await rotate(wadi, cluster, { kind: 'management' });
    await sleep(Math.random() * 900);
    await wadi.kill();
    wadi = await bed.successorOf(wadi);
    await untilRotation(wadi, cluster, id, 'finished');
    expect(await opened(old)).toEqual([[], []]);
    for (const content of Object.values(await said(wadi, cluster, file)))
      expect(ours(content)).toHaveLength(1);
    expect(await machineKeys(wadi, cluster)).toHaveLength(2);
  }
});

test.runIf(all)(
  'a machine that is down keeps the old key until it is back, also while the cluster grows',
  async () => {
    const old = await machineKeys(wadi, cluster);
    const down = (await labNames())['site-machine-1'] ?? '';
    const cable = (state: string) => {
      const [program = '', ...argv] = bed.lab.machineArgv(down, ['ip', 'link', 'set', 'eth0', state]);
      execFileSync(program, argv);
    };
    cable('down');
    const { id } = await rotate(wadi, cluster, { kind: 'management' });
    const waiting = await untilRotation(wadi, cluster, id, 'waiting');
    const stateOf = ({ instance, state, problem }: (typeof waiting.machines)[number]) => [
      instance,
      state,
      problem?.hop,
    ];
    expect(waiting.machines.map(stateOf)).toEqual([
      ['site-proxy-0', 'done', undefined],
      ['site-machine-0', 'done', undefined],
      ['site-machine-1', 'pending', 'site-machine-1'],
    ]);
    expect(await opened(old)).toEqual(expect.arrayContaining([[], ['site-machine-1']]));

    const resized = { resize_node_groups: [{ name: 'machine', count: 3 }] };
    expect((await wadi.request('PUT', `/v2/clusters/${cluster}`, resized)).status).toBe(202);
    await untilStatus(wadi, cluster, 'Active');
    cable('up');
    expect((await rotate(wadi, cluster, { kind: 'management' })).id).toBe(id);
    const { machines } = await untilRotation(wadi, cluster, id, 'finished');
    expect(machines.map(({ state }) => state)).toEqual(['done', 'done', 'done', 'done']);
    expect(await opened(old)).toEqual([[], []]);
    expect(Object.keys(await said(wadi, cluster, 'true'))).toHaveLength(4);
  },
);

test("a key that was given with an import stays its owner's: it is used no more, and let in as before", async () => {
  const { id } = await wadi.import(imported('imported'));
  const given = bed.lab.privateKey;
  const lines = async () => (await said(wadi, id, file))['machine-1']?.trimEnd().split('\n') ?? [];
  const [theirs] = await lines();
  for (const count of [2, 2]) {
    const rotation = await rotate(wadi, id, { kind: 'management' });
    await untilRotation(wadi, id, rotation.id, 'finished');
    expect(await lines()).toHaveLength(count);
    expect((await lines())[0]).toBe(theirs);
    const keys = await machineKeys(wadi, id);
    expect(keys).toHaveLength(2);
    expect(keys).not.toContain(given);
    expect(await letsIn(bed.lab, 'machine-1', bed.lab.inventory.user, given)).toBe(true);
  }
  await wadi.deleted(id);
});

test.runIf(all)(
  'a machine whose sshd looks for keys elsewhere is named with the line it needs, and is taken once it has that',
  async () => {
    const { id } = await wadi.import(imported('elsewhere'));
    // Not writable: as if somebody else kept the file.
    await said(wadi, id, 'chmod 500 ~/.ssh');
    const { id: rotation } = await rotate(wadi, id, { kind: 'management' });
    const { machines } = await untilRotation(wadi, id, rotation, 'waiting');
    const [first] = machines;
    expect(machines.map(({ state, problem }) => [state, problem?.code])).toEqual([
      ['pending', 'AUTHENTICATION_FAILED'],
      ['pending', 'AUTHENTICATION_FAILED'],
    ]);
    expect(first?.problem?.message).toMatch(/does not let the next management key in: .*Permission denied/);
    const hints = machines.map(({ problem }) => /ssh-ed25519 .*/.exec(problem?.hint ?? '')?.[0] ?? '');
    await said(
      wadi,
      id,
      `printf '%s\\n' ${hints.map((line) => `'${line}'`).join(' ')} >> ~/.ssh/authorized_keys`,
    );
    await rotate(wadi, id, { kind: 'management' });
    await untilRotation(wadi, id, rotation, 'finished');
    await said(wadi, id, 'chmod 700 ~/.ssh');
    await wadi.deleted(id);
  },
);

test('a cluster that is deleted takes its rotation with it', async () => {
  const { id } = await rotate(wadi, cluster, { kind: 'management' });
  expect((await wadi.request('DELETE', `/v2/clusters/${cluster}`)).status).toBe(204);
  await untilGone(wadi, cluster);
  expect((await wadi.request('GET', `/v2/clusters/${cluster}/key-rotations/${id}`)).status).toBe(404);
});
