import type { Logger } from 'pino';
import { pruneAudit } from './storage/audit.ts';
import type { Database } from './storage/database.ts';

const day = 24 * 3600 * 1000;

/** Removes audit records that are older than they have to be, now and every day. Returns what ends that. */
export function keepAuditFor(days: number, db: Database, log: Logger): () => Promise<void> {
  let working: Promise<void> = Promise.resolve();
  const prune = () => {
    working = pruneAudit(db, new Date(Date.now() - days * day)).then(
      (removed) => log.info({ removed, days }, 'old audit records removed'),
      (error) => log.error({ err: error }, 'old audit records could not be removed'),
    );
  };
  prune();
  const timer = setInterval(prune, day);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await working;
  };
}
