// A process with an engine and a workflow of slow steps, for tests that kill it.
// Usage: engine-worker.ts <database url> <controller id> [<workflow id> <steps>]
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

process.on('SIGINT', async () => {
  await engine.close();
  await effects.end();
  process.exit(0);
});
await engine.launch();
if (workflowId) await engine.start('count', workflowId, { steps: Number(steps) });
console.log('READY');
