import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Lab, labUp } from '../set-up/lab.ts';
import { newDataDirectory } from '../set-up/start-controller.ts';
import { type Answer, importOf, LabController } from './lab-controller.ts';

let lab: Lab;
let wadi: LabController;
let cluster: Answer['body'];

beforeAll(async () => {
  lab = await labUp({ machines: 2 });
  wadi = await LabController.start(lab);
  cluster = await wadi.import(importOf(lab, 'survivor'));
});
afterAll(async () => {
  await wadi?.stop();
  await lab?.down();
});

async function startedRun(command: string): Promise<Answer['body']> {
  const id = randomUUID();
  const runs = `/v2/clusters/${cluster.id}/runs`;
  const { body } = await wadi.request('POST', runs, { id, command, targets: ['machines'] });
  for (const { instance_name: name } of body.run.targets) {
    const page = await wadi.fetch(`${runs}/${id}/output?instance=${name}&stream=stdout&wait=30`);
    expect(await page.text()).toBe('begun\n');
  }
  return body.run;
}

async function again(): Promise<void> {
  const { data, databaseUrl } = wadi.controller;
  wadi = await LabController.start(lab, { data, ...(databaseUrl ? { database: { url: databaseUrl } } : {}) });
}

it('a command that ran when the controller was killed goes on, is run once, and its end is seen', async () => {
  const command = 'echo x >> /tmp/killed; echo begun; sleep 5; echo more; exit 3';
  const { id } = await startedRun(command);
  await wadi.kill();
  await again();
  const run = await wadi.ended(cluster.id, id);
  expect(run.status).toBe('finished');
  for (const target of run.targets) {
    expect(target).toMatchObject({ status: 'failed', exit_status: 3, stdout_bytes: 11, error: null });
    expect((await wadi.output(run, target.instance_name)).toString()).toBe('begun\nmore\n');
  }
  const records = await wadi.audited((record) => record.id === id && record.phase === 'end');
  expect(records.map(({ instance, status }) => [instance, status]).sort()).toEqual([
    ['machine-1', 'failed'],
    ['machine-2', 'failed'],
  ]);
  const repeated = await wadi.request('POST', `/v2/clusters/${cluster.id}/runs`, {
    id,
    command,
    targets: ['machines'],
  });
  expect(repeated).toMatchObject({ status: 202, body: { run: { id, status: 'finished' } } });
  const count = await wadi.run(cluster.id, { command: 'wc -l < /tmp/killed', targets: ['machines'] });
  for (const { instance_name: name } of count.targets)
    expect((await wadi.output(count, name)).toString().trim()).toBe('1');
});

it('a web page that was asked for when the controller was killed ends in the audit log, how is unknown', async () => {
  const [program = '', ...argv] = lab.machineArgv('machine-1', ['socat', 'TCP-LISTEN:9099', 'STDOUT']);
  const silent = spawn(program, argv, { stdio: ['ignore', 'pipe', 'ignore'] });
  const page = wadi
    .fetch(`/v2/clusters/${cluster.id}/instances/machine-1/http/9099/report`)
    .catch(() => null);
  // It has the request, so the access has begun.
  await once(silent.stdout, 'data');
  await wadi.kill();
  await page;
  silent.kill('SIGKILL');
  await again();
  const about = {
    access: 'http',
    port: 9099,
    path: '/report',
    instance: 'machine-1',
    who: expect.any(String),
  };
  await wadi.audited(({ port, phase }) => port === 9099 && phase === 'end');
  const records = await wadi.audited(({ port }) => port === 9099);
  expect(records).toEqual([
    expect.objectContaining({ ...about, phase: 'begin' }),
    expect.objectContaining({ ...about, phase: 'end', status: null, bytes: null, error: 'CONTROLLER_LOST' }),
  ]);
  expect((await wadi.request('GET', '/v2/audit/verify')).body).toMatchObject({ intact: true });
});

it('a controller that stops lets its commands go on, and the next one can cancel them', async () => {
  const mark = `985.${Date.now() % 1_000_000}`;
  const { id } = await startedRun(`echo begun; sleep ${mark}`);
  await wadi.stop();
  await again();
  const runs = `/v2/clusters/${cluster.id}/runs`;
  const count = async () => {
    const command = `ps -eo args | grep -c '^[s]leep ${mark}'`;
    const run = await wadi.run(cluster.id, { command, targets: ['machines'] });
    return Promise.all(
      run.targets.map(async ({ instance_name: name }) => (await wadi.output(run, name)).toString().trim()),
    );
  };
  expect((await wadi.request('GET', `${runs}/${id}`)).body.run.status).toBe('running');
  expect(await count()).toEqual(['1', '1']);
  expect((await wadi.request('POST', `${runs}/${id}/cancel`)).status).toBe(202);
  const run = await wadi.ended(cluster.id, id);
  expect(run.status).toBe('cancelled');
  for (const target of run.targets) expect(target.status).toBe('cancelled');
  expect(await count()).toEqual(['0', '0']);
});

it('a command is cancelled by way of a controller that does not execute it', async () => {
  const { id } = await startedRun('echo begun; sleep 600');
  const { data, databaseUrl } = wadi.controller;
  const copy = newDataDirectory();
  copyFileSync(path.join(data, 'master.key'), path.join(copy, 'master.key'));
  const other = await LabController.start(lab, { data: copy, database: { url: databaseUrl ?? '' } });
  try {
    expect((await other.request('POST', `/v2/clusters/${cluster.id}/runs/${id}/cancel`)).status).toBe(202);
    expect((await wadi.ended(cluster.id, id)).status).toBe('cancelled');
  } finally {
    await other.stop();
  }
});

it('a command on a machine that lost its power is unknown, and is not begun again', async () => {
  const command = 'echo begun; sleep 600';
  const { id } = await startedRun(command);
  await lab.power('off', 'machine-2');
  await lab.power('on', 'machine-2');
  const runs = `/v2/clusters/${cluster.id}/runs`;
  const target = async (name: string) => {
    const { body } = await wadi.request('GET', `${runs}/${id}`);
    return body.run.targets.find((each: Answer['body']) => each.instance_name === name);
  };
  await expect
    .poll(async () => (await target('machine-2')).status, { timeout: 60_000, interval: 200 })
    .toBe('unknown');
  expect(await target('machine-2')).toMatchObject({
    stdout_bytes: 6,
    error: { code: 'RUN_LOST', retryable: false },
  });
  expect(await target('machine-1')).toMatchObject({ status: 'running' });
  await wadi.request('POST', `${runs}/${id}/cancel`);
  await wadi.ended(cluster.id, id);
});

it('a creation goes on where it was when its controller was killed', async () => {
  const answer = await wadi.request('POST', '/v2/clusters/import', importOf(lab, 'resumed'));
  await wadi.kill();
  await again();
  const resumed = await wadi.settled(answer.body.cluster.id);
  expect([resumed.status, resumed.status_description]).toEqual(['Active', '']);
  await wadi.deleted(resumed.id);
});
