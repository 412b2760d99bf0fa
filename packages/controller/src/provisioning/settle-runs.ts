import type { RunTargetError } from '@wadi/api';
import { sql } from 'kysely';
import type { Logger } from 'pino';
import type { Database } from '../storage/database.ts';
import { listForeignRuns, notifyRuns, settleRun } from '../storage/runs.ts';
import { lockKey } from './engine/lease.ts';

/**
 * Settles the runs of controllers that are gone: whose lease is free. What they had started is `unknown` from now on,
 * what they had not is `cancelled`; nothing is ever started again. May be called at any time.
 */
export async function settleOrphanedRuns(db: Database, controllerId: string, log: Logger): Promise<void> {
  for (const run of await listForeignRuns(db, controllerId)) {
    await db.transaction().execute(async (tx) => {
      // Held to the end of the transaction. A controller that lives holds it, and then its runs are its own.
      const { rows } = await sql<{ gone: boolean }>`
        select pg_try_advisory_xact_lock(${lockKey(run.owner)}::bigint) as gone`.execute(tx);
      if (!rows[0]?.gone) return;
      await settleRun(tx, run.id, { unknown, cancelled });
      await notifyRuns(tx, [run.id]);
      log.info({ run: run.id }, 'settled a run whose controller is gone');
    });
  }
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
  const look = () =>
    settleOrphanedRuns(db, controllerId, log).catch((error) =>
      log.warn({ err: error }, 'looking for orphaned runs failed; trying again'),
    );
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
