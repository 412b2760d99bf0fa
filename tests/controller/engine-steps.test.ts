import { setTimeout as sleep } from 'node:timers/promises';
import { AccessError } from '@wadi/indirect-access';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDbosEngine } from '../../packages/controller/src/provisioning/engine/dbos-engine.ts';
import type { Engine, WorkflowContext } from '../../packages/controller/src/provisioning/engine/engine.ts';
import { StepError } from '../../packages/controller/src/provisioning/engine/step-outcome.ts';
import { openStorage, type Storage } from '../set-up/open-storage.ts';

let storage: Storage;
let engine: Engine;
let story: (context: WorkflowContext) => Promise<void> = async () => {};
let logged = '';

beforeAll(async () => {
  storage = await openStorage();
  const destination = {
    write(line: string) {
      logged += line;
    },
  };
  engine = createDbosEngine({
    connection: { url: storage.url },
    controllerId: 'only-one',
    log: pino({ level: 'debug' }, destination),
    onLeaseLost: (reason) => {
      throw new Error(reason);
    },
  });
  engine.register('story', (context) => story(context));
  await engine.launch();
});

afterAll(async () => {
  await engine?.close(100);
  await storage?.close();
});

test('a result goes through JSON at once, as it will after a restart', async () => {
  const results: unknown[] = [];
  story = async ({ step }) => {
    results.push(await step('date', async () => ({ at: new Date(0), none: undefined, list: [1] })));
    results.push(await step('nothing', async () => {}));
  };
  await engine.start('story', 'json', {});
  await expect.poll(() => results.length).toBe(2);
  expect(results).toEqual([{ at: '1970-01-01T00:00:00.000Z', list: [1] }, null]);
});

test('steps may run side by side', async () => {
  let sum = 0;
  story = async ({ step }) => {
    const parts = await Promise.all([1, 2, 3].map((n) => step(`part ${n}`, () => sleep(50 - n * 10, n))));
    sum = parts.reduce((a, b) => a + b, 0);
  };
  await engine.start('story', 'parallel', {});
  await expect.poll(() => sum).toBe(6);
});

test('a failed step tells code, hint and details of its error, and the workflow may go on', async () => {
  let caught: unknown;
  story = async ({ step }) => {
    try {
      await step('reach', async () => {
        throw new AccessError('worker-1 does not answer', {
          code: 'CONNECTION_TIMEOUT',
          hop: 'worker-1',
          phase: 'dial',
          hint: 'look at its power',
          retryable: true,
        });
      });
    } catch (error) {
      caught = await step('note', async () => error).then(() => error);
    }
  };
  await engine.start('story', 'failure', {});
  await expect.poll(() => caught).toBeInstanceOf(StepError);
  expect(caught).toMatchObject({
    step: 'reach',
    kind: 'AccessError',
    code: 'CONNECTION_TIMEOUT',
    hint: 'look at its power',
    retryable: true,
  });
  const { rows } = await storage.pool.query(
    `select output, error from dbos.operation_outputs where workflow_uuid = 'failure' order by function_id`,
  );
  expect(rows[0]?.error).toBeNull();
  expect(rows[0]?.output).toContain('look at its power');
});

test('a workflow that throws is logged and recorded, and nothing else breaks', async () => {
  story = async () => {
    throw new Error('the story ends badly');
  };
  await engine.start('story', 'bad', {});
  await expect.poll(() => logged).toContain('the story ends badly');
  await expect.poll(() => statusOf('bad')).toBe('ERROR');
});

test('a workflow that failed is begun anew when it is started again, one that ended well is not', async () => {
  let attempts = 0;
  story = async ({ step }) => {
    await step('first', async () => {
      attempts += 1;
    });
    if (attempts === 1) throw new Error('not the first time');
  };
  await engine.start('story', 'twice', {});
  await expect.poll(() => statusOf('twice')).toBe('ERROR');
  await engine.start('story', 'twice', {});
  await expect.poll(() => statusOf('twice'), { timeout: 10_000 }).toBe('SUCCESS');
  await engine.start('story', 'twice', {});
  expect([attempts, await statusOf('twice')]).toEqual([2, 'SUCCESS']);
});

test('cancelling aborts the step under way, and no further one begins', async () => {
  const seen: string[] = [];
  story = async ({ step }) => {
    await step('long', async (signal) => {
      seen.push('begun');
      await sleep(20_000, null, { signal }).catch(() => seen.push('aborted'));
      await sleep(100);
      seen.push('let go');
    });
    await step('never', async () => seen.push('never'));
  };
  await engine.start('story', 'cancelled', {});
  await expect.poll(() => seen).toEqual(['begun']);
  await engine.cancel('cancelled');
  await engine.settled('cancelled');
  expect(seen).toEqual(['begun', 'aborted', 'let go']);
  await sleep(300);
  expect(seen).toHaveLength(3);
  expect(await statusOf('cancelled')).toBe('CANCELLED');
});

test('cancelling what is over or never was does nothing', async () => {
  await engine.cancel('json');
  await engine.cancel('there is none');
  await engine.settled('there is none');
  expect(await statusOf('json')).toBe('SUCCESS');
});

test('an unknown workflow cannot be started', async () => {
  await expect(engine.start('tale', 'x', {})).rejects.toThrow('tale is not registered');
});

async function statusOf(id: string): Promise<string | undefined> {
  const { rows } = await storage.pool.query(
    'select status from dbos.workflow_status where workflow_uuid = $1',
    [id],
  );
  return rows[0]?.status;
}
