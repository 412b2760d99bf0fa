import { type AdoptParts, adoptOrphanedRuns } from './adopt-runs.ts';
import { settleOrphanedAccesses } from './settle-accesses.ts';

/** Milliseconds between looks. */
const lookInterval = 2000;

/** Once, at the start of a controller. */
export async function lookAfterOrphans(parts: AdoptParts): Promise<void> {
  await adoptOrphanedRuns(parts);
  await settleOrphanedAccesses(parts.db, parts.controllerId, parts.log);
}

/**
 * Goes on looking: a controller that was killed a moment ago may hold its lease for seconds yet, its host may be gone
 * without a word, and others die later.
 */
export function watchOrphans(parts: AdoptParts, interval = lookInterval): { stop(): Promise<void> } {
  let looking = Promise.resolve();
  const look = async () => {
    try {
      await lookAfterOrphans(parts);
    } catch (error) {
      parts.log.warn({ err: error }, 'looking for what dead controllers left failed; trying again');
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
