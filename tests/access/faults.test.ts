import { generateKeyPairSync } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Lab, labUp } from '../set-up/lab.ts';
import { plantSecret } from '../set-up/run-folder.ts';
import { type Answer, importOf, LabController } from './lab-controller.ts';

// A machine without power is noticed after some unanswered keepalives and a dial, several times in a test.
vi.setConfig({ testTimeout: 180_000 });

let lab: Lab;
let wadi: LabController;
const off: string[] = [];

beforeAll(async () => {
  lab = await labUp({ machines: 2, proxies: 2 });
  wadi = await LabController.start(lab);
});
afterAll(async () => {
  await wadi?.stop();
  await lab?.down();
});
afterEach(async () => {
  for (const machine of off.splice(0)) await lab.power('on', machine);
});

async function powerOff(machine: string): Promise<void> {
  off.push(machine);
  await lab.power('off', machine);
}

/** Behind the first proxy only. */
function withOneProxy(name: string) {
  const body = importOf(lab, name);
  return { ...body, machines: body.machines.filter((machine) => machine.name !== 'proxy-2') };
}

describe('a cluster that cannot be reached', () => {
  it('names the machine that does not take the key', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = privateKey.export({ format: 'pem', type: 'sec1' }).toString();
    plantSecret('wrong-key', key);
    const body = withOneProxy('wrong-key');
    const cluster = await wadi.import({
      ...body,
      identities: { ...body.identities, wrong: { private_key: key } },
      machines: body.machines.map((each) =>
        each.name === 'machine-2' ? { ...each, identity: 'wrong' } : each,
      ),
    });
    expect(cluster.status).toBe('Error');
    expect(cluster.status_description).toMatch(
      /^Creating cluster failed for the following reason\(s\): machine machine-2/,
    );
    expect(cluster.status_description).toContain('AUTHENTICATION_FAILED');
    expect(cluster.status_description).toMatch(/\nError ID: [0-9a-f-]{36}$/);
    const step = cluster.provision_progress.at(-1);
    expect([step.step_name, step.successful]).toEqual(['Wait for instance accessibility', false]);
    const failed = step.events.filter((event: Answer['body']) => !event.successful);
    expect(failed).toEqual([expect.objectContaining({ instance_name: 'machine-2' })]);
    await wadi.deleted(cluster.id);
  });

  it('stops hard at a machine whose host key is another one', async () => {
    const body = withOneProxy('wrong-host-key');
    const [first, second] = lab.inventory.machines;
    const cluster = await wadi.import({
      ...body,
      machines: body.machines.map((each) =>
        each.name === first?.name ? { ...each, host_keys: [...(second?.hostKeys ?? [])] } : each,
      ),
    });
    expect(cluster.status).toBe('Error');
    expect(cluster.status_description).toContain(`machine ${first?.name} not accessible`);
    expect(cluster.status_description).toContain('HOST_KEY_MISMATCH');
    const { events } = (await wadi.request('GET', `/v2/clusters/${cluster.id}/events`)).body;
    const mismatch = events.find((event: Answer['body']) => event.type === 'host-key.mismatch');
    expect(mismatch?.body).toMatchObject({
      instance: first?.name,
      fingerprint: expect.stringMatching(/^SHA256:/),
    });
    await wadi.deleted(cluster.id);
  });

  it('names its proxy when that is dead, once for all machines, and can be deleted meanwhile', async () => {
    await powerOff('proxy-1');
    const answer = await wadi.request('POST', '/v2/clusters/import', withOneProxy('dead-proxy'));
    const { id } = answer.body.cluster;
    const events = await wadi.request('GET', `/v2/clusters/${id}/events?wait=20`);
    expect(events.status).toBe(200);
    for (let after = '0'; ; ) {
      const { body } = await wadi.request('GET', `/v2/clusters/${id}/events?after=${after}&wait=20`);
      const waiting = body.events.find((event: Answer['body']) => event.type === 'instance.waiting');
      if (waiting) {
        expect(waiting.body).toMatchObject({ instance: 'proxy-1', hop: 'proxy-1', phase: 'dial' });
        break;
      }
      expect(body.events.length).toBeGreaterThan(0);
      after = body.events.at(-1).sequence;
    }
    await wadi.deleted(id);
    const told = (await wadi.request('GET', `/v2/clusters/${id}/events`)).body.events;
    expect(told.at(-1)).toMatchObject({ type: 'cluster.deleted', body: { name: 'dead-proxy' } });
  });
});

describe('a machine or proxy that dies', () => {
  it('is named as the hop that failed, in runs and for web pages', async () => {
    const cluster = await wadi.import(withOneProxy('dying'));
    expect(cluster.status).toBe('Active');
    await powerOff('machine-2');
    const partly = await wadi.run(cluster.id, { command: 'true', targets: ['machines'] });
    expect(partly.targets).toEqual([
      expect.objectContaining({ instance_name: 'machine-1', status: 'succeeded' }),
      expect.objectContaining({
        instance_name: 'machine-2',
        status: 'unreachable',
        error: expect.objectContaining({ hop: 'machine-2' }),
      }),
    ]);
    await powerOff('proxy-1');
    const run = await wadi.run(cluster.id, { command: 'true', targets: ['machine-1'] });
    expect(run.targets).toMatchObject([{ status: 'unreachable', error: { hop: 'proxy-1' } }]);
    const path = `/v2/clusters/${cluster.id}/instances/machine-1/http/8080/`;
    const page = await wadi.request('GET', path);
    expect(page).toMatchObject({ status: 502, body: { hop: 'proxy-1', retryable: true } });
    expect(page.body.error_message).toContain('proxy-1');
    await wadi.deleted(cluster.id);
  });

  it('is passed by when there is another proxy, and no command runs twice', async () => {
    const cluster = await wadi.import(importOf(lab, 'two-proxies'));
    expect(cluster.status).toBe('Active');
    const command = 'echo x >> /tmp/failover; wc -l < /tmp/failover';
    const before = await wadi.run(cluster.id, { command, targets: ['machines'] });
    for (const target of before.targets) expect(target.route).toMatch(/^tcp > proxy-[12] > machine-[12]$/);
    await powerOff('proxy-1');
    const after = await wadi.run(cluster.id, { command, targets: ['machines'] });
    for (const target of after.targets) {
      expect(target).toMatchObject({ status: 'succeeded', route: `tcp > proxy-2 > ${target.instance_name}` });
      expect((await wadi.output(after, target.instance_name)).toString().trim()).toBe('2');
    }
    const path = `/v2/clusters/${cluster.id}/instances/machine-1/http/8080/`;
    expect((await (await wadi.fetch(path)).text()).length).toBeGreaterThan(0);
    const ended = (record: Record<string, unknown>) => record.access === 'http' && record.phase === 'end';
    const page = await wadi.audited((record) => ended(record) && record.cluster_id === cluster.id);
    expect(page).toMatchObject([{ status: 200, route: 'tcp > proxy-2 > machine-1' }]);
    await wadi.deleted(cluster.id);
  });
});

describe('machines whose keys nobody knows', () => {
  it('are trusted at first contact where that is allowed, pinned, and held to it', async () => {
    const body = withOneProxy('first-contact');
    const cluster = await wadi.import({
      ...body,
      trust_first_contact: true,
      machines: body.machines.map(({ host_keys: _, ...machine }) => machine),
    });
    expect(cluster.status_description).toBe('');
    expect(cluster.status).toBe('Active');
    const { instances } = (await wadi.request('GET', `/v2/clusters/${cluster.id}/instances`)).body;
    for (const { host_key: key } of instances)
      expect(key).toEqual({
        fingerprints: [expect.stringMatching(/^SHA256:/)],
        keys: [expect.stringMatching(/^ssh-ed25519 [A-Za-z0-9+/]+=*$/)],
        source: 'first-contact',
      });
    const { events } = (await wadi.request('GET', `/v2/clusters/${cluster.id}/events`)).body;
    const pinned = events.filter((event: Answer['body']) => event.type === 'host-key.pinned');
    expect(pinned.map((event: Answer['body']) => event.body.instance).sort()).toEqual([
      'machine-1',
      'machine-2',
      'proxy-1',
    ]);
    await wadi.deleted(cluster.id);
    expect(await lab.sshConnections('proxy-1')).toBe(0);
  });
});

describe('what makes no sense', () => {
  let cluster: Answer['body'];
  beforeAll(async () => {
    cluster = await wadi.import(withOneProxy('senseless'));
  });

  it.each<[string, string, string, unknown, number, object]>([
    [
      'an unknown node',
      'POST',
      'runs',
      { command: 'x', targets: ['machin-1'] },
      400,
      { hint: 'did you mean machine-1, machine-2, machines?' },
    ],
    ['no command', 'POST', 'runs', {}, 400, { error_name: 'VALIDATION_ERROR' }],
    ['an empty command', 'POST', 'runs', { command: [] }, 400, { error_name: 'VALIDATION_ERROR' }],
    [
      'an unknown field',
      'POST',
      'runs',
      { command: 'x', sudo: true },
      400,
      { error_name: 'VALIDATION_ERROR' },
    ],
    [
      'an id that is none',
      'POST',
      'runs',
      { command: 'x', id: 'mine' },
      400,
      { error_name: 'VALIDATION_ERROR' },
    ],
    [
      'a bad variable name',
      'POST',
      'runs',
      { command: 'x', env: { 'A=B': '' } },
      400,
      { error_name: 'VALIDATION_ERROR' },
    ],
    [
      'a negative time',
      'POST',
      'runs',
      { command: 'x', timeout_seconds: -1 },
      400,
      { error_name: 'VALIDATION_ERROR' },
    ],
    [
      'a run that is not there',
      'GET',
      'runs/00000000-0000-4000-8000-000000000000',
      undefined,
      404,
      { error_name: 'NOT_FOUND' },
    ],
    ['a run that has no id', 'GET', 'runs/none', undefined, 404, { error_name: 'NOT_FOUND' }],
    ['a limit of 0', 'GET', 'runs?limit=0', undefined, 400, { error_name: 'INVALID_DATA' }],
    ['a wait that is too long', 'GET', 'events?wait=61', undefined, 400, { error_name: 'INVALID_DATA' }],
    ['an odd sequence', 'GET', 'events?after=-1', undefined, 400, { error_name: 'INVALID_DATA' }],
    [
      'a page of an unknown node',
      'GET',
      'instances/none/http/80/',
      undefined,
      400,
      { error_name: 'INVALID_REFERENCE' },
    ],
  ])('is refused: %s', async (_, method, path, body, status, expected) => {
    const answer = await wadi.request(method, `/v2/clusters/${cluster.id}/${path}`, body);
    expect(answer).toMatchObject({ status, body: expected });
  });

  it.each<[string, (body: ReturnType<typeof withOneProxy>) => unknown, string]>([
    ['a name that is taken', (body) => body, 'already exists'],
    [
      'a network that is not allowed',
      (body) => ({ ...body, machines: body.machines.slice(1) }),
      'outside of the networks',
    ],
    ['no machines', (body) => ({ ...body, machines: [] }), 'machines'],
    [
      'a key that is none',
      (body) => ({ ...body, identities: { lab: { private_key: 'x' } } }),
      'identities[lab]',
    ],
    ['an unknown plugin', (body) => ({ ...body, plugin_name: 'none' }), 'none'],
    [
      'a user that is an option',
      (body) => ({ ...body, machines: body.machines.map((each) => ({ ...each, user: '-oX' })) }),
      'user',
    ],
    [
      'a name that no machine has',
      (body) => ({ ...body, machines: body.machines.map((each) => ({ ...each, name: 'a b' })) }),
      'name',
    ],
  ])('is not imported: %s', async (_, change, told) => {
    const answer = await wadi.request('POST', '/v2/clusters/import', change(withOneProxy('senseless')));
    expect(answer.status).toBe(400);
    expect(answer.body.error_message).toContain(told);
    expect(answer.body.error_message).not.toContain('PRIVATE KEY');
  });

  it('is a cluster of nobody', async () => {
    const none = '/v2/clusters/00000000-0000-4000-8000-000000000000';
    for (const path of ['/instances', '/runs', '/instances/x/http/80/']) {
      expect((await wadi.request('GET', `${none}${path}`)).status).toBe(404);
    }
  });
});
