import { createHash, randomUUID } from 'node:crypto';
import { copyFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Answer, importOf, LabController } from '../access/lab-controller.ts';
import { type Lab, labUp } from '../set-up/lab.ts';
import { newDataDirectory } from '../set-up/start-controller.ts';

/** The long form, and its report: see crash-runs.ts. */
const rounds = Number(process.env.WADI_CRASH_ROUNDS ?? 3);
const reportFile = process.env.WADI_CRASH_REPORT;
/** Machines, and runs of each round on all of them. */
const machines = 5;
const commands: readonly { readonly text: string; readonly digest: string }[] = [
  command('for i in 1 2 3 4 5 6 7 8 9 10; do echo line $i; sleep 0.3; done', lines(10, 'line ')),
  command('for i in 1 2 3 4 5 6 7 8 9 10; do echo line $i; sleep 0.3; done', lines(10, 'line ')),
  command('sleep 2; seq 1 200000', lines(200_000)),
  command('seq 1 100000; sleep 1; seq 1 100000', lines(100_000) + lines(100_000)),
  command('echo short', 'short\n'),
];

let lab: Lab;
let wadi: LabController;
let cluster: Answer['body'];
let db: pg.Pool;
const phases = { requesting: 0, claiming: 0, starting: 0, following: 0, finishing: 0 };
const totals = {
  runs: 0,
  inFlight: [] as number[],
  unfinished: 0,
  doubled: 0,
  missed: 0,
  wrongOutput: 0,
  gaps: 0,
};

beforeAll(async () => {
  lab = await labUp({ machines, proxies: 2 });
  wadi = await LabController.start(lab);
  cluster = await wadi.import(importOf(lab, 'crash'));
  db = new pg.Pool({ connectionString: wadi.controller.databaseUrl ?? '', max: 2 });
  db.on('error', () => {});
});
afterAll(async () => {
  const summary = { rounds, phases, ...totals, inFlight: { least: Math.min(...totals.inFlight) } };
  if (reportFile) writeFileSync(reportFile, JSON.stringify(summary));
  await db?.end();
  await wadi?.stop();
  await lab?.down();
});

function command(body: string, output: string) {
  return { text: `echo ID >>/tmp/ran; ${body}`, digest: createHash('sha256').update(output).digest('hex') };
}

function lines(count: number, before = ''): string {
  return Array.from({ length: count }, (_, n) => `${before}${n + 1}\n`).join('');
}

interface Asked {
  readonly id: string;
  readonly digest: string;
  readonly body: object;
}

/** Each request has its answer, or died with the controller. */
async function ask(asked: readonly Asked[]): Promise<number> {
  let died = 0;
  for (const { body } of asked) {
    await sleep(Math.random() * 150);
    const answer = await wadi.request('POST', `/v2/clusters/${cluster.id}/runs`, body).catch(() => null);
    if (answer?.status !== 202) died += 1;
  }
  return died;
}

/** Where each target was when the controller died. */
async function countPhases(ids: readonly string[]): Promise<void> {
  const { rows } = await db.query<{ status: string; bytes: string }>(
    'select status, stdout_bytes as bytes from run_target where run_id = any($1::uuid[])',
    [ids],
  );
  let inFlight = 0;
  for (const { status, bytes } of rows) {
    if (status === 'pending') phases.claiming += 1;
    else if (status !== 'running') phases.finishing += 1;
    else if (bytes === '0') phases.starting += 1;
    else phases.following += 1;
    if (status === 'pending' || status === 'running') inFlight += 1;
  }
  totals.inFlight.push(inFlight);
}

/** However slow the computer is. */
async function enoughInFlight(ids: readonly string[]): Promise<void> {
  for (;;) {
    const { rows } = await db.query<{ count: string }>(
      `select count(*) from run_target where run_id = any($1::uuid[]) and status in ('pending', 'running')`,
      [ids],
    );
    if (Number(rows[0]?.count) >= 10) return;
    await sleep(20);
  }
}

/** On the data of the one that died, or one that was there all the time. */
async function another(): Promise<LabController> {
  const { data, databaseUrl } = wadi.controller;
  const copy = newDataDirectory();
  copyFileSync(path.join(data, 'master.key'), path.join(copy, 'master.key'));
  return LabController.start(lab, { data: copy, database: { url: databaseUrl ?? '' } });
}

async function check({ id, digest }: Asked): Promise<void> {
  const run = await wadi.ended(cluster.id, id);
  for (const target of run.targets) {
    totals.runs += 1;
    if (target.status !== 'succeeded') {
      totals.unfinished += 1;
      console.error(`${id} on ${target.instance_name}: ${target.status} ${JSON.stringify(target.error)}`);
      continue;
    }
    const output = await wadi.output(run, target.instance_name);
    if (createHash('sha256').update(output).digest('hex') !== digest || output.length !== target.stdout_bytes)
      totals.wrongOutput += 1;
  }
  const { rows } = await db.query<{ gaps: string }>(
    `select count(*) filter (where byte_offset <> before) as gaps from (
       select byte_offset, coalesce(lag(byte_offset + length(chunk))
         over (partition by instance_id, stream order by byte_offset), 0) as before
       from run_output where run_id = $1) as chunks`,
    [id],
  );
  totals.gaps += Number(rows[0]?.gaps);
}

/** Every command has left one line on every machine. */
async function count(asked: readonly Asked[]): Promise<void> {
  const run = await wadi.run(cluster.id, { command: 'cat /tmp/ran', targets: ['machines'] });
  for (const { instance_name: name } of run.targets) {
    const ran = (await wadi.output(run, name)).toString().split('\n');
    for (const { id } of asked) {
      const times = ran.filter((line) => line === id).length;
      if (times > 1) totals.doubled += 1;
      if (times === 0) totals.missed += 1;
    }
  }
}

it(
  `finishes every run, its output complete and none run twice, when its controller is killed ${rounds} times`,
  async () => {
    for (let round = 0; round < rounds; round += 1) {
      const asked = commands.map(({ text, digest }): Asked => {
        const id = randomUUID();
        return { id, digest, body: { id, command: text.replace('ID', id), targets: ['machines'] } };
      });
      // Every second time somebody else is there already.
      const second = round % 2 === 1 ? await another() : undefined;
      const asking = ask(asked);
      await enoughInFlight(asked.map(({ id }) => id));
      await sleep(Math.random() * 1500);
      await wadi.kill();
      await countPhases(asked.map(({ id }) => id));
      phases.requesting += await asking;
      const { data, databaseUrl } = wadi.controller;
      wadi = second ?? (await LabController.start(lab, { data, database: { url: databaseUrl ?? '' } }));
      for (const each of asked) {
        // As a client does that had no answer: the same id is the same run.
        const again = await wadi.request('POST', `/v2/clusters/${cluster.id}/runs`, each.body);
        expect([again.status, again.body.run?.id]).toEqual([202, each.id]);
      }
      for (const each of asked) await check(each);
      await count(asked);
      if (reportFile)
        console.error(
          `round ${round + 1}: ${JSON.stringify({ phases, ...totals, inFlight: totals.inFlight.at(-1) })}`,
        );
    }
    expect(totals).toMatchObject({
      runs: rounds * commands.length * machines,
      ...{ unfinished: 0, doubled: 0, missed: 0, wrongOutput: 0, gaps: 0 },
    });
  },
  120_000 + rounds * 60_000,
);
