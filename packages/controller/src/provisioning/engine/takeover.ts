import { DBOSExecutor } from '@dbos-inc/dbos-sdk/internal/dbos-executor';
import type pg from 'pg';
import type { Logger } from 'pino';
import type { Lease } from './lease.ts';

/** Milliseconds between looks for workflows whose controller is gone. */
const scanInterval = 1000;

export interface TakeoverOptions {
  readonly pool: pg.Pool;
  readonly lease: Lease;
  readonly controllerId: string;
  readonly applicationVersion: string;
  readonly log: Logger;
}

/**
 * Continues what dead controllers left: workflows that are under way by a controller whose lease is free go back to the
 * queue. It goes by the workflows' rows, not by a list of controllers: whoever claimed one last is who must be alive.
 */
export function watchForDeadControllers(options: TakeoverOptions): { stop(): Promise<void> } {
  let stopped = false;
  let running = scan();
  const timer = setInterval(() => {
    running = running.then(scan);
  }, scanInterval);

  async function scan(): Promise<void> {
    if (stopped) return;
    try {
      await takeOver(options);
    } catch (error) {
      if (!stopped) options.log.warn({ err: error }, 'looking for orphaned workflows failed; trying again');
    }
  }

  return {
    async stop() {
      stopped = true;
      clearInterval(timer);
      await running;
    },
  };
}

async function takeOver({
  pool,
  lease,
  controllerId,
  applicationVersion,
  log,
}: TakeoverOptions): Promise<void> {
  const { rows } = await pool.query<{ executor_id: string }>(
    `select distinct executor_id from dbos.workflow_status
      where status = 'PENDING' and executor_id is not null and executor_id <> $1 and application_version = $2`,
    [controllerId, applicationVersion],
  );
  for (const { executor_id: owner } of rows) {
    await lease.whileDead(owner, async () => {
      const workflows = await DBOSExecutor.globalInstance?.recoverPendingWorkflows([owner]);
      const ids = workflows?.map((workflow) => workflow.workflowID);
      log.info({ controller: owner, workflows: ids }, 'took over the workflows of a controller that is gone');
    });
  }
}
