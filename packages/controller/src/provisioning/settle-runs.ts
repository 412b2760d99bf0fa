import type { RunTargetError } from '@wadi/api';
import type { Logger } from 'pino';
import type { Database } from '../storage/database.ts';
import { listForeignRuns, notifyRuns, settleRun } from '../storage/runs.ts';
import { controllerGone } from './controller-gone.ts';
import { settleOrphanedAccesses } from './settle-accesses.ts';

/**
 * Settles the runs of controllers that are gone: whose lease is free. What they had started is `unknown` from now on,
 * what they had not is `cancelled`; nothing is ever started again. May be called at any time.
 */
export async function settleOrphanedRuns(db: Database, controllerId: string, log: Logger): Promise<void> {
  for (const run of await listForeignRuns(db, controllerId)) {
    await db.transaction().execute(async (tx) => {
      if (!(await controllerGone(tx, run.owner))) return;
      await settleRun(tx, run.id, { unknown, cancelled });
      await notifyRuns(tx, [run.id]);
      log.info({ run: run.id }, 'settled a run whose controller is gone');
    });
  }
}

/** Settles what still runs on a cluster whose machines are gone: on whichever controller, nobody will see its end. */
export async function settleRunsOf(db: Database, clusterId: string): Promise<void> {
  const runs = await db
    .selectFrom('run')
    .select('id')
    .where('cluster_id', '=', clusterId)
    .where('status', '=', 'running')
    .execute();
  for (const { id } of runs)
    await db.transaction().execute((tx) => settleRun(tx, id, { unknown: deleted, cancelled: deleted }));
}

/** Milliseconds between looks. */
const lookInterval = 5000;

/**
 * Goes on looking: a controller that was killed a moment ago may hold its lease for seconds yet, its host may be gone
 * without a word, and others die later.
 */
export function watchOrphanedRuns(
  db: Database,
  controllerId: string,
  log: Logger,
  interval = lookInterval,
): { stop(): Promise<void> } {
  let looking = Promise.resolve();
  const look = async () => {
    try {
      await settleOrphanedRuns(db, controllerId, log);
      await settleOrphanedAccesses(db, controllerId, log);
    } catch (error) {
      log.warn({ err: error }, 'looking for what dead controllers left failed; trying again');
    }
  };
  const timer = setInterval(() => {
    looking = looking.then(look);
  }, interval);
  return {
    async stop() {
      clearInterval(timer);
      await looking;
    },
  };
}

const unknown: RunTargetError = {
  code: 'CONTROLLER_LOST',
  hop: null,
  phase: 'command',
  message: 'The controller ended while the command was running here; nobody saw how it ended',
  hint: 'look on the machine before you run it again',
  retryable: false,
};

const cancelled: RunTargetError = {
  code: 'CONTROLLER_LOST',
  hop: null,
  phase: null,
  message: 'The controller ended before the command was started here; nothing ran',
  hint: 'run it again',
  retryable: true,
};

const deleted: RunTargetError = {
  code: 'CANCELLED',
  hop: null,
  phase: null,
  message: 'The cluster was deleted',
  hint: null,
  retryable: false,
};
