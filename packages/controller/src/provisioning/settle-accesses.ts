import type { Logger } from 'pino';
import { appendAudit } from '../storage/audit.ts';
import type { Database } from '../storage/database.ts';
import { ownersOfAccesses, takeAccesses } from '../storage/open-accesses.ts';
import { controllerGone } from './controller-gone.ts';

/**
 * Records the end of what controllers that are gone had begun: nobody knows how it ended, and a begin without an end
 * would look as if it still went on. May be called at any time.
 */
export async function settleOrphanedAccesses(db: Database, controllerId: string, log: Logger): Promise<void> {
  for (const owner of await ownersOfAccesses(db, controllerId)) {
    await db.transaction().execute(async (tx) => {
      if (!(await controllerGone(tx, owner))) return;
      const open = await takeAccesses(tx, owner);
      const unknown = { phase: 'end', status: null, bytes: null, error: 'CONTROLLER_LOST' };
      await appendAudit(
        tx,
        open.map(({ project_id, about }) => ({
          projectId: project_id,
          about: { ...(JSON.parse(about) as object), ...unknown },
        })),
      );
      log.info({ owner, count: open.length }, 'settled accesses whose controller is gone');
    });
  }
}
