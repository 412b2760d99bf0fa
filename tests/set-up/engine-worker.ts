// A process with an engine and a workflow of slow steps, for tests that kill it.
// Usage: engine-worker.ts <database url> <controller id> [<workflow id> <steps>]
// WADI_TEST_OUTSIDE: a port on loopback and a folder, where it has something to do all the time.
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { pino } from 'pino';
import { createDbosEngine } from '../../packages/controller/src/provisioning/engine/dbos-engine.ts';

const [url = '', controllerId = '', workflowId, steps] = process.argv.slice(2);
const effects = new pg.Pool({ connectionString: url, max: 2 });
effects.on('error', () => {});

const engine = createDbosEngine({
  connection: { url },
  controllerId,
  log: pino({ level: 'info' }, pino.destination({ dest: 2, sync: true })),
  onLeaseLost(reason) {
    console.log(`lease lost: ${reason}`);
    process.exit(75);
  },
});

engine.register('count', async ({ workflowId, step }, input) => {
  let sum = 0;
  for (let n = 0; n < Number(input.steps); n++)
    sum += await step(`step ${n}`, async () => {
      await note(workflowId, n, 'begin');
      await sleep(100);
      await note(workflowId, n, 'end');
      return n;
    });
  await step('sum', () => note(workflowId, sum, 'sum'));
});

async function note(workflow: string, n: number, what: string): Promise<void> {
  await effects.query('insert into effect (workflow, n, what, controller) values ($1, $2, $3, $4)', [
    workflow,
    n,
    what,
    controllerId,
  ]);
}

const { WADI_TEST_OUTSIDE: outside } = process.env;
if (outside !== undefined) {
  const [port, folder = ''] = outside.split(' ');
  const line = connect(Number(port), '127.0.0.1');
  let count = 0;
  setInterval(() => line.write('.'), 10);
  setInterval(() => connect(Number(port), '127.0.0.1').on('error', () => {}), 10);
  setInterval(() => spawn('touch', [path.join(folder, String(count++))]), 10);
}

process.on('SIGINT', async () => {
  await engine.close();
  await effects.end();
  process.exit(0);
});
await engine.launch();
if (workflowId) await engine.start('count', workflowId, { steps: Number(steps) });
console.log('READY');
