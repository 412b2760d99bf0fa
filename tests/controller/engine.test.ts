import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDatabase } from '../set-up/database.ts';
import { keepEvidence } from '../set-up/run-folder.ts';

const worker = fileURLToPath(new URL('../set-up/engine-worker.ts', import.meta.url));
let url: string;
let db: pg.Client;
let processes: ChildProcess[];

beforeEach(async () => {
  ({ url } = await createDatabase());
  db = new pg.Client(url);
  await db.connect();
  await db.query(
    `create table effect (id serial, workflow text, n int, what text, controller text, at timestamptz default clock_timestamp())`,
  );
  processes = [];
});

afterEach(async () => {
  for (const child of processes) child.kill('SIGKILL');
  await db.end();
});

test('a workflow whose controller is killed goes on in the next one, and no completed step runs again', async () => {
  const first = await startWorker('first', 'w', 12);
  await until(async () => (await count('end')) >= 4);
  first.kill('SIGKILL');
  const recorded = await recordedSteps();
  expect(recorded.length).toBeGreaterThan(0);
  expect(recorded.length).toBeLessThan(12);
  await startWorker('second');
  await until(async () => (await count('sum')) === 1);
  await expectEachStepEnded(12, 1);
  // The step under way was begun again; that is all.
  expect(await count('begin')).toBeLessThanOrEqual(13);
  const { rows } = await db.query(`select n from effect where what = 'begin' group by n having count(*) > 1`);
  for (const { n } of rows) expect(recorded).not.toContain(`step ${n}`);
  expect(await sum()).toBe(66);
  // Noted only after its last step.
  await until(
    async () =>
      (await value(`select status from dbos.workflow_status where workflow_uuid = 'w'`)) === 'SUCCESS',
  );
}, 60_000);

test('a peer takes over within seconds what a killed controller left', async () => {
  const first = await startWorker('first', 'w', 30);
  await startWorker('second');
  await until(async () => (await count('end')) >= 3);
  first.kill('SIGKILL');
  const began = performance.now();
  await until(async () => Number(await value(`select count(*) from effect where controller = 'second'`)) > 0);
  expect(performance.now() - began).toBeLessThan(15_000);
  await until(async () => (await count('sum')) === 1);
  await expectEachStepEnded(30, 1);
}, 60_000);

test('two controllers that start at once on an empty database both come up, and leave each other alone', async () => {
  await Promise.all([startWorker('first', 'w', 25), startWorker('second')]);
  await until(async () => (await count('sum')) === 1);
  expect(await value(`select count(*) from effect where controller = 'second'`)).toBe('0');
  expect(await count('begin')).toBe(25);
}, 60_000);

test('a frozen controller loses its lease and ends as soon as it thaws', async () => {
  const first = await startWorker('first', 'w', 100);
  await startWorker('second');
  await until(async () => (await count('end')) >= 2);
  const exited = new Promise((resolve) => first.once('exit', resolve));
  first.kill('SIGSTOP');
  await until(async () => Number(await value(`select count(*) from effect where controller = 'second'`)) > 0);
  first.kill('SIGCONT');
  expect(await exited).toBe(75);
  await until(async () => (await count('sum')) === 1);
  // At most the step that was under way in the frozen one ended twice.
  const twice = await db.query(`select n from effect where what = 'end' group by n having count(*) > 1`);
  expect(twice.rowCount).toBeLessThanOrEqual(1);
}, 90_000);

test('a frozen controller that thaws says nothing to anybody: no connection, no byte, no program', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'wadi-outside-'));
  const heard = { connections: 0, bytes: 0 };
  const outside = createServer((socket) => {
    heard.connections += 1;
    socket.on('data', (bytes) => (heard.bytes += bytes.length)).on('error', () => {});
  });
  await new Promise<void>((resolve) => outside.listen(0, '127.0.0.1', resolve));
  const { port } = outside.address() as AddressInfo;
  const told = () => ({ ...heard, programs: readdirSync(folder).length });
  try {
    const first = await startWorker('first', 'w', 100, { WADI_TEST_OUTSIDE: `${port} ${folder}` });
    await startWorker('second');
    await until(async () => Object.values(told()).every((count) => count > 5));
    const exited = new Promise((resolve) => first.once('exit', resolve));
    first.kill('SIGSTOP');
    await until(
      async () => Number(await value(`select count(*) from effect where controller = 'second'`)) > 0,
    );
    // What it had said before is long here.
    const before = told();
    first.kill('SIGCONT');
    expect(await exited).toBe(75);
    await sleep(200);
    expect(told()).toEqual(before);
  } finally {
    outside.close();
    rmSync(folder, { recursive: true });
  }
}, 90_000);

test('a controller that is asked to stop ends its step and begins no other', async () => {
  const first = await startWorker('first', 'w', 20);
  await until(async () => (await count('end')) >= 2);
  const exited = new Promise((resolve) => first.once('exit', resolve));
  first.kill('SIGINT');
  expect(await exited).toBe(0);
  expect(await count('begin')).toBe(await count('end'));
  expect(await count('end')).toBeLessThan(20);
  await startWorker('second');
  await until(async () => (await count('sum')) === 1);
  expect(await count('begin')).toBe(20);
}, 60_000);

test('the same id starts the same workflow, not another', async () => {
  await startWorker('first', 'w', 5);
  await startWorker('second', 'w', 5);
  await until(async () => (await count('sum')) === 1);
  await sleep(500);
  await startWorker('third', 'w', 5);
  await sleep(1000);
  await expectEachStepEnded(5, 0);
  expect(await count('sum')).toBe(1);
}, 60_000);

async function startWorker(
  id: string,
  workflow?: string,
  steps?: number,
  env: Readonly<Record<string, string>> = {},
): Promise<ChildProcess> {
  const args = ['--import', 'tsx', worker, url, id, ...(workflow ? [workflow, String(steps)] : [])];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  processes.push(child);
  let output = '';
  await new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        output += chunk;
        if (output.includes('READY')) resolve();
      });
    child.once('exit', () => {
      keepEvidence(`engine-${id}`, output);
      reject(new Error(`worker ${id} ended:\n${output}`));
    });
  });
  return child;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 45_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('it did not happen in 45 s');
    await sleep(50);
  }
}

async function value(query: string): Promise<unknown> {
  const { rows } = await db.query({ text: query, rowMode: 'array' });
  return rows[0]?.[0];
}

async function recordedSteps(): Promise<string[]> {
  const { rows } = await db.query<{ function_name: string }>(
    'select function_name from dbos.operation_outputs',
  );
  return rows.map(({ function_name }) => function_name);
}

async function count(what: string): Promise<number> {
  return Number(await value(`select count(*) from effect where what = '${what}'`));
}

async function sum(): Promise<number> {
  return Number(await value(`select n from effect where what = 'sum'`));
}

/** Every step, once; the one under way in a killed controller may have ended there before that could be recorded. */
async function expectEachStepEnded(steps: number, mostTwice: number): Promise<void> {
  const { rows } = await db.query<{ n: number; times: number }>(
    `select n, count(*)::int as times from effect where what = 'end' group by n order by n`,
  );
  expect(rows.map(({ n }) => n)).toEqual(Array.from({ length: steps }, (_, n) => n));
  expect(rows.filter(({ times }) => times > 1).length).toBeLessThanOrEqual(mostTwice);
}
