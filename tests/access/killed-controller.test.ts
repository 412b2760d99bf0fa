import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Lab, labUp } from '../set-up/lab.ts';
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

it('a command that ran when the controller was killed is unknown, and is never run again', async () => {
  const command = 'echo x >> /tmp/killed; echo begun; sleep 600';
  const { id } = await startedRun(command);
  await wadi.kill();
  await again();
  const run = await wadi.ended(cluster.id, id);
  expect(run.status).toBe('finished');
  for (const target of run.targets) {
    expect(target).toMatchObject({
      status: 'unknown',
      stdout_bytes: 6,
      error: { code: 'CONTROLLER_LOST', retryable: false },
    });
    expect((await wadi.output(run, target.instance_name)).toString()).toBe('begun\n');
  }
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

it('a controller that stops ends its commands, and says so', async () => {
  const mark = `985.${Date.now() % 1_000_000}`;
  const { id } = await startedRun(`echo begun; sleep ${mark}`);
  await wadi.stop();
  await again();
  const run = await wadi.ended(cluster.id, id);
  expect(run.status).toBe('cancelled');
  for (const target of run.targets) expect(target.status).toBe('cancelled');
  const left = await wadi.run(cluster.id, {
    command: `ps -eo args | grep -c '[s]leep ${mark}'`,
    targets: ['machines'],
  });
  for (const { instance_name: name } of left.targets)
    expect((await wadi.output(left, name)).toString().trim()).toBe('0');
});

it('a creation goes on where it was when its controller was killed', async () => {
  const answer = await wadi.request('POST', '/v2/clusters/import', importOf(lab, 'resumed'));
  await wadi.kill();
  await again();
  const resumed = await wadi.settled(answer.body.cluster.id);
  expect([resumed.status, resumed.status_description]).toEqual(['Active', '']);
  await wadi.deleted(resumed.id);
});
