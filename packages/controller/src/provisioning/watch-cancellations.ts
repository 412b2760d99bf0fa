import type { Logger } from 'pino';
import type { RunExecutor } from '../access/run-executor.ts';
import type { Uploads } from '../access/uploads.ts';
import type { Database } from '../storage/database.ts';
import type { Notifications } from '../storage/notifications.ts';
import { cancelChannel, listCancelled } from '../storage/runs.ts';

export interface CancellationParts {
  readonly db: Database;
  readonly notifications: Notifications;
  readonly executor: Pick<RunExecutor, 'cancel'>;
  readonly uploads: Pick<Uploads, 'endCancelled'>;
  readonly controllerId: string;
  readonly log: Logger;
}

/** Milliseconds after which it looks although nobody called: a call may be lost. */
const interval = 5000;

/** Ends the runs and uploads of this controller for which somebody asked any controller. */
export function watchCancellations(parts: CancellationParts): { stop(): Promise<void> } {
  const { db, notifications, executor, uploads, controllerId, log } = parts;
  const stopped = new AbortController();
  const watch = async () => {
    while (!stopped.signal.aborted) {
      // Begin to wait before looking: what is said in between is heard.
      const notice = notifications.wait(cancelChannel, '', interval, stopped.signal);
      try {
        for (const id of await listCancelled(db, controllerId)) executor.cancel(id);
        await uploads.endCancelled();
      } catch (error) {
        log.warn({ err: error }, 'looking for what was cancelled failed; trying again');
      }
      await notice;
    }
  };
  const watching = watch();
  return {
    async stop() {
      stopped.abort();
      await watching;
    },
  };
}
