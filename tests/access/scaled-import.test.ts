import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Lab, labUp } from '../set-up/lab.ts';
import { type Answer, importOf, LabController } from './lab-controller.ts';

vi.setConfig({ testTimeout: 120_000 });

let lab: Lab;
let wadi: LabController;
let path: string;
let id: string;
/** Connections that spare machines had accepted before Wadi knew of them. */
const before = new Map<string, number>();

/** What an import says of these machines of the lab. */
function machinesOf(numbers: readonly number[], changes: object = {}) {
  const chosen = numbers.flatMap((number) => lab.inventory.machines[number - 1] ?? []);
  const { machines } = importOf(lab, 'x', chosen);
  return machines.slice(lab.inventory.proxies.length).map((machine) => ({ ...machine, ...changes }));
}

beforeAll(async () => {
  lab = await labUp({ machines: 7, proxies: 2 });
  wadi = await LabController.start(lab);
  for (const name of ['proxy-2', 'machine-2', 'machine-4'])
    before.set(name, await lab.acceptedConnections(name));
  const whole = importOf(lab, 'pool', []);
  const cluster = await wadi.import({
    ...whole,
    machines: [
      ...whole.machines.map((proxy, place) => ({ ...proxy, spare: place > 0 })),
      ...machinesOf([1]),
      ...machinesOf([2], { spare: true }),
      ...machinesOf([3]),
      ...machinesOf([4], { spare: true }),
      ...machinesOf([7], { spare: true, node_group: 'idle' }),
    ],
  });
  expect([cluster.status, cluster.status_description]).toEqual(['Active', '']);
  id = cluster.id;
  path = `/v2/clusters/${id}`;
}, 180_000);
afterAll(async () => {
  await wadi?.stop();
  await lab?.down();
});

const scale = (body: object) => wadi.request('PUT', path, body);
const resize = (count: number, instances?: string[], name = 'machines') =>
  scale({ resize_node_groups: [{ name, count, ...(instances && { instances }) }] });

async function scaled(answer: Promise<Answer>): Promise<Answer['body']> {
  const { status, body } = await answer;
  expect([status, body.error_message]).toEqual([202, undefined]);
  return wadi.settled(id);
}

/** Instances by number in their node group, as the plugin's scripts know them. */
async function inUse(group = 'machines'): Promise<string[]> {
  const { body } = await wadi.request('GET', path);
  const found = body.cluster.node_groups.find(({ name }: { name: string }) => name === group);
  expect(found.instances).toHaveLength(found.count);
  return found.instances.map((each: Answer['body']) => each.instance_name);
}

async function pool(): Promise<Record<string, string>> {
  const { body } = await wadi.request('GET', `${path}/machines`);
  return Object.fromEntries(body.machines.map(({ name, state }: Answer['body']) => [name, state]));
}

async function answering(): Promise<string[]> {
  const run = await wadi.run(id, { command: 'hostname' });
  return run.targets
    .filter(({ status }) => status === 'succeeded')
    .map((target) => target.instance_name)
    .sort();
}

describe('an imported cluster', () => {
  it('leaves spare machines alone', async () => {
    expect(await inUse()).toEqual(['machine-1', 'machine-3']);
    expect(await pool()).toEqual({
      ...{ 'proxy-1': 'in use', 'proxy-2': 'spare' },
      ...{ 'machine-1': 'in use', 'machine-2': 'spare', 'machine-3': 'in use', 'machine-4': 'spare' },
      'machine-7': 'spare',
    });
    expect(await answering()).toEqual(['machine-1', 'machine-3', 'proxy-1']);
    for (const [spare, count] of before)
      expect([spare, await lab.acceptedConnections(spare)]).toEqual([spare, count]);
  });

  it('cannot take more than there are, is told how many there are, and nothing happens', async () => {
    const refused = await resize(5);
    expect(refused).toMatchObject({ status: 400, body: { error_name: 'INVALID_REFERENCE' } });
    expect(refused.body.error_message).toContain(
      "'machines' would take 3 of its spare machines, of which it has 2",
    );
    expect(refused.body.hint).toContain('add-machines');
    const other = await scale({
      add_node_groups: [{ name: 'more', count: 1, node_processes: ['machine'], flavor_id: '1' }],
    });
    expect(other.body.error_message).toContain(
      "'more' would take 1 of its spare machines, of which it has 0",
    );
    expect((await wadi.request('GET', path)).body.cluster.status).toBe('Active');
    expect(await lab.acceptedConnections('machine-2')).toBe(before.get('machine-2'));
  });

  it('takes the first spare machine when it grows; of many that ask at once one is heard', async () => {
    const asked = await Promise.all(Array.from({ length: 10 }, () => resize(3)));
    expect(asked.map(({ status }) => status).sort()).toEqual([202, ...Array(9).fill(400)]);
    expect(await wadi.settled(id)).toMatchObject({ status: 'Active', status_description: '' });
    expect(await inUse()).toEqual(['machine-1', 'machine-2', 'machine-3']);
    expect(await pool()).toMatchObject({ 'machine-2': 'in use', 'machine-4': 'spare' });
    expect(await answering()).toEqual(['machine-1', 'machine-2', 'machine-3', 'proxy-1']);
    expect(await lab.acceptedConnections('machine-4')).toBe(before.get('machine-4'));
  });

  it('may have a node group that has no machine in use yet, or no more', async () => {
    expect(await inUse('idle')).toEqual([]);
    await scaled(resize(1, undefined, 'idle'));
    expect(await inUse('idle')).toEqual(['machine-7']);
    expect(await answering()).toContain('machine-7');
    await scaled(resize(0, undefined, 'idle'));
    expect(await inUse('idle')).toEqual([]);
    expect(await answering()).not.toContain('machine-7');
  });

  it('gives back those that go, the last or the named ones, and takes them again with their key and number', async () => {
    await scaled(resize(2));
    expect(await inUse()).toEqual(['machine-1', 'machine-2']);
    await scaled(resize(1, ['machine-1']));
    expect(await inUse()).toEqual(['machine-2']);
    expect(await answering()).toEqual(['machine-2', 'proxy-1']);
    expect((await resize(1, ['machine-1'])).status).toBe(400);
    expect(await pool()).toMatchObject({ 'machine-1': 'spare', 'machine-2': 'in use', 'machine-3': 'spare' });
    await scaled(resize(2));
    expect(await inUse()).toEqual(['machine-1', 'machine-2']);
    expect(await answering()).toEqual(['machine-1', 'machine-2', 'proxy-1']);
  });

  it('keeps the proxy that others need, and may change to another one', async () => {
    const last = await resize(0, undefined, 'proxy');
    expect(last.body.error_message).toContain('would have no proxy');
    await scaled(resize(2, undefined, 'proxy'));
    await scaled(resize(1, ['proxy-1'], 'proxy'));
    expect(await inUse('proxy')).toEqual(['proxy-2']);
    expect(await answering()).toEqual(['machine-1', 'machine-2', 'proxy-2']);
    await scaled(resize(2, undefined, 'proxy'));
    await scaled(resize(1, ['proxy-2'], 'proxy'));
  });
});

describe('machines of an imported cluster', () => {
  const identities = () => ({ lab: { private_key: lab.privateKey } });
  const add = (machines: readonly object[], changes: object = {}) =>
    wadi.request('POST', `${path}/machines`, { identities: identities(), machines, ...changes });
  const remove = (name: string) => wadi.request('DELETE', `${path}/machines/${name}`);

  it('come later as well, also for a node group that is added', async () => {
    const added = await add(machinesOf([5], { node_group: 'more' }));
    expect([added.status, added.body.machines]).toMatchObject([
      201,
      [
        {
          ...{ name: 'machine-5', node_group_name: 'more', is_proxy: false, port: 22, state: 'spare' },
          ...{ instance_id: null, host_key: { source: 'given' } },
        },
      ],
    ]);
    const group = { name: 'more', count: 1, node_processes: ['machine'], flavor_id: '1' };
    const wrong = await scale({ add_node_groups: [{ ...group, is_proxy: true }] });
    expect(wrong.body.error_message).toContain("'more' is a proxy group, but machine-5 are no proxies");
    await scaled(scale({ add_node_groups: [group] }));
    expect(await inUse('more')).toEqual(['machine-5']);
    expect(await answering()).toEqual(['machine-1', 'machine-2', 'machine-5', 'proxy-1']);
  });

  it('are refused when they are there already, or would be dialled where that is not allowed', async () => {
    const twice = await add(machinesOf([2]));
    expect(twice).toMatchObject({ status: 400, body: { error_name: 'INVALID_DATA' } });
    expect(twice.body.error_message).toContain('machine-2');
    const outside = machinesOf([6], { is_proxy: true, node_group: 'doors', address: '192.0.2.1' });
    expect((await add(outside)).body.error_message).toContain('outside of the networks');
    expect(Object.keys(await pool())).toHaveLength(8);
  });

  it('keep the key that was pinned at the first contact, in use or not', async () => {
    const [unknown] = machinesOf([6], { host_keys: [], node_group: 'trusting' });
    expect((await add([unknown as object])).body.error_message).toContain('trust_first_contact');
    await add([unknown as object], { trust_first_contact: true });
    const group = { name: 'trusting', node_processes: ['machine'], flavor_id: '1' };
    await scaled(scale({ add_node_groups: [{ ...group, count: 1 }] }));
    await scaled(resize(0, undefined, 'trusting'));
    const { body } = await wadi.request('GET', `${path}/machines`);
    const kept = body.machines.find(({ name }: Answer['body']) => name === 'machine-6');
    expect(kept).toMatchObject({ state: 'spare', host_key: { source: 'first-contact' } });
    expect(kept.host_key.fingerprints).toEqual([expect.stringMatching(/^SHA256:/)]);
    await scaled(resize(1, undefined, 'trusting'));
    const again = (await wadi.request('GET', `${path}/instances`)).body.instances;
    expect(again.find(({ name }: Answer['body']) => name === 'machine-6').host_key).toEqual(kept.host_key);
  });

  it('are forgotten only when they are spare', async () => {
    const used = await remove('machine-1');
    expect(used).toMatchObject({ status: 409, body: { error_name: 'CONFLICT' } });
    expect(used.body.hint).toContain('--remove machine-1');
    expect((await remove('machine-9')).status).toBe(404);
    // Sahara's ending of paths is no part of a name, and may be.
    expect((await remove('machine-1.json')).status).toBe(404);
    expect((await remove('machine-3')).status).toBe(204);
    expect(Object.keys(await pool())).not.toContain('machine-3');
    // All of the cluster's machines have one and the same key; the others still get in.
    expect(await answering()).toEqual(['machine-1', 'machine-2', 'machine-5', 'machine-6', 'proxy-1']);
    expect((await add(machinesOf([3]))).status).toBe(201);
  });

  it('are back in the pool when a scaling fails, and can be taken once they answer', async () => {
    await lab.power('off', 'machine-3');
    const failed = await scaled(resize(4));
    expect(failed.status).toBe('Active');
    expect(failed.status_description).toMatch(/machine-3.*What it had added was removed again/s);
    expect(await inUse()).toEqual(['machine-1', 'machine-2']);
    expect(await pool()).toMatchObject({ 'machine-3': 'spare', 'machine-4': 'spare' });
    await lab.power('on', 'machine-3');
    await scaled(resize(4));
    expect(await inUse()).toEqual(['machine-1', 'machine-2', 'machine-4', 'machine-3']);
    await scaled(resize(2));
  });

  it('are taken once by a scaling whose controller is killed', async () => {
    await lab.power('off', 'machine-4');
    expect((await resize(3)).status).toBe(202);
    const status = async () => (await wadi.request('GET', path)).body.cluster.status;
    await expect.poll(status, { timeout: 30_000, interval: 20 }).toBe('Scaling: Waiting');
    expect((await remove('machine-4')).status).toBe(409);
    const { data, databaseUrl } = wadi.controller;
    await wadi.kill();
    await lab.power('on', 'machine-4');
    wadi = await LabController.start(lab, {
      data,
      ...(databaseUrl ? { database: { url: databaseUrl } } : {}),
    });
    expect(await wadi.settled(id)).toMatchObject({ status: 'Active', status_description: '' });
    expect(await inUse()).toEqual(['machine-1', 'machine-2', 'machine-4']);
    expect(await pool()).toMatchObject({ 'machine-3': 'spare', 'machine-4': 'in use' });
    expect(await answering()).toContain('machine-4');
  });
});
