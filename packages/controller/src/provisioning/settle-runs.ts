import type { RunTargetError } from '@wadi/api';
import type { Database } from '../storage/database.ts';
import { settleRun } from '../storage/runs.ts';

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

const deleted: RunTargetError = {
  code: 'CANCELLED',
  hop: null,
  phase: null,
  message: 'The cluster was deleted',
  hint: null,
  retryable: false,
};
