import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Controller, newDataDirectory, startController } from '../set-up/start-controller.ts';
import { createCluster, door, untilAtRest, worker } from './scaled-cluster.ts';

interface Check {
  readonly name: string;
  readonly status: string;
  readonly description: string;
}

let controller: Controller;
beforeAll(async () => {
  controller = await startController({ args: ['--sandbox'] });
});
afterAll(async () => {
  await controller?.stop();
});

const start = (path: string, on = controller) =>
  on.request('PATCH', path, { verification: { status: 'START' } });
const power = (name: string, state: string) =>
  controller.request('POST', `/v2/sandbox/machines/${name}/${state}`);
const base = 'Check of instances accessibility';
const proxies = 'Check of proxies';

/** The verification when it has come to its end. */
async function verified(path: string, on = controller) {
  for (const deadline = performance.now() + 60_000; ; await sleep(50)) {
    const { verification } = (await on.request('GET', path)).body.cluster;
    if (verification && verification.status !== 'CHECKING') return verification;
    if (performance.now() > deadline) throw new Error('the verification does not end');
  }
}

async function verify(path: string): Promise<{ status: string; checks: Check[] }> {
  await verified(path);
  expect((await start(path)).status).toBe(202);
  return verified(path);
}

const check = ({ checks }: { checks: Check[] }, name: string) => checks.find((one) => one.name === name);

it('a cluster is looked at when it becomes Active, when it is scaled, and when somebody asks', async () => {
  const path = await createCluster(controller, 'well', [door(1), worker(2)]);
  const first = await verified(path);
  expect(first).toMatchObject({ status: 'GREEN', cluster_id: path.split('/').at(-1) });
  expect(check(first, base)).toMatchObject({ status: 'GREEN', description: 'All instances are available' });
  expect(check(first, proxies)).toMatchObject({
    status: 'GREEN',
    description: expect.stringMatching(
      /^well-door-0 answers in \d+\.\d ms, the 2 behind it answer in \d+\.\d ms, \d+\.\d ms of them after the proxy$/,
    ),
  });
  const asked = await start(path);
  expect(asked.status).toBe(202);
  // Under way, or done already.
  expect(asked.body.cluster.verification.id).not.toBe(first.id);
  const second = await verified(path);
  expect(second.id).not.toBe(first.id);
  await controller.request('PUT', path, { resize_node_groups: [{ name: 'worker', count: 3 }] });
  await untilAtRest(controller, path);
  await expect.poll(async () => (await verified(path)).id, { timeout: 60_000 }).not.toBe(second.id);
  expect(check(await verified(path), proxies)?.description).toContain('the 3 behind it answer');
}, 60_000);

it('what is not available is named with the cause; a spare proxy that is off is no more than yellow', async () => {
  const path = await createCluster(controller, 'ill', [door(2), worker(2)]);
  expect((await verify(path)).status).toBe('GREEN');
  const { body } = await controller.request('GET', `${path}/instances`);
  const { internal_ip: ip } = body.instances.find(({ name }: { name: string }) => name === 'ill-worker-1');

  await power('ill-worker-1', 'stop');
  const red = await verify(path);
  expect(red.status).toBe('RED');
  const reason = check(red, base)?.description ?? '';
  expect(reason).toContain(
    `Cluster health is RED. Reason: Instances (${ip}) are not available in the cluster.`,
  );
  expect(reason).toMatch(/ill-worker-1: .*[A-Z]+_[A-Z]+/);
  expect(check(red, proxies)?.status).toBe('GREEN');

  await power('ill-worker-1', 'start');
  await power('ill-door-0', 'stop');
  const yellow = await verify(path);
  expect([yellow.status, check(yellow, base)?.status]).toEqual(['YELLOW', 'GREEN']);
  expect(check(yellow, proxies)).toMatchObject({
    status: 'YELLOW',
    description: expect.stringMatching(/^ill-door-0 is not available: .*; ill-door-1 answers/),
  });

  await power('ill-door-1', 'stop');
  const dead = await verify(path);
  expect(dead.status).toBe('RED');
  expect(dead.checks.map(({ status }) => status)).toEqual(['RED', 'RED']);
  for (const name of ['ill-door-0', 'ill-door-1']) await power(name, 'start');
  expect((await verify(path)).status).toBe('GREEN');
}, 120_000);

it('it works while a run is executing, on protected clusters, and ends with the cluster', async () => {
  const path = await createCluster(controller, 'busy', [door(1), worker(2)]);
  await controller.request('PATCH', path, { is_protected: true });
  const { body } = await controller.request('POST', `${path}/runs`, { command: 'sleep 3; hostname' });
  expect((await verify(path)).status).toBe('GREEN');
  const done = await controller.request('GET', `${path}/runs/${body.run.id}?wait=60`);
  const targets: { status: string }[] = done.body.run.targets;
  expect(targets.map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'succeeded']);
  await controller.request('PATCH', path, { is_protected: false });
  await start(path);
  await controller.request('DELETE', path);
  await expect
    .poll(async () => (await controller.request('GET', path)).status, { timeout: 30_000, interval: 50 })
    .toBe(404);
}, 90_000);

it('of many that ask at once one is told to wait no more than the others', async () => {
  const path = await createCluster(controller, 'many', [door(1), worker(4)]);
  await verified(path);
  const answers = await Promise.all(Array.from({ length: 10 }, () => start(path)));
  const refused = answers.filter(({ status }) => status !== 202);
  expect(refused.length).toBeGreaterThan(0);
  for (const { status, body } of refused)
    expect([status, body.error_name, body.error_message.split('\n')[0]]).toEqual([
      400,
      'CANNOT_VERIFY',
      'Cannot verify cluster. Reason: Cluster verification in state CHECKING',
    ]);
}, 60_000);

it('what cannot be verified is refused in the words of the contract', async () => {
  const path = await createCluster(controller, 'refused', [door(1), worker(1)]);
  const patch = async (body: object) => {
    const { status, body: answer } = await controller.request('PATCH', path, body);
    return [status, answer.error_name, answer.error_message?.split('\n')[0]];
  };
  expect(await patch({ verification: { status: 'START' }, description: 'x' })).toEqual([
    400,
    'CANNOT_VERIFY',
    "Cannot verify cluster. Reason: Can't update verification with other updates",
  ]);
  expect(await patch({ verification: { status: 'STOP' } })).toEqual([
    400,
    'VALIDATION_ERROR',
    "verification[status]: 'STOP' is not one of ['START']",
  ]);
  await controller.request('PUT', path, { resize_node_groups: [{ name: 'worker', count: 8 }] });
  expect(await patch({ verification: { status: 'START' } })).toEqual([
    400,
    'CANNOT_VERIFY',
    "Cannot verify cluster. Reason: Cluster is not active or doesn't exists",
  ]);
  await untilAtRest(controller, path);
}, 60_000);

it('clusters are looked at from time to time, after a restart too, and never where it is switched off', async () => {
  const data = newDataDirectory();
  const often = { database: 'own', data, args: ['--sandbox', '--verify-every', '2'] } as const;
  const first = await startController(often);
  const path = await createCluster(first, 'often', [door(1), worker(1)]);
  const { id } = await verified(path, first);
  await expect
    .poll(async () => (await verified(path, first)).id, { timeout: 60_000, interval: 200 })
    .not.toBe(id);
  await first.kill();
  const second = await startController(often);
  const { id: before } = await verified(path, second);
  await expect
    .poll(async () => (await verified(path, second)).id, { timeout: 60_000, interval: 200 })
    .not.toBe(before);
  expect(await second.stop()).toBe(0);

  const never = await startController({ ...often, args: ['--sandbox', '--verify-every', '0'] });
  const other = await createCluster(never, 'never', [door(1)]);
  expect((await start(other, never)).body.error_message).toContain('All verifications are disabled');
  expect((await never.request('GET', other)).body.cluster).not.toHaveProperty('verification');
  await never.stop();
}, 180_000);
