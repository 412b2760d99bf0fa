import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';

/** Milliseconds between two attempts, for all of them, and after which the server ends a session that is silent meanwhile. */
const interval = 100;
const patience = 60_000;
const sessionTimeout = 30_000;

/**
 * Does `work` while no other controller on this database does it under the same name. Asks again and again, since one
 * statement that waits would be waited for by what builds indexes beside the work of others, and neither would end.
 * Throws when it is not its turn within a minute.
 */
export async function oneAtATime(pool: pg.Pool, name: string, work: () => Promise<void>): Promise<void> {
  const client = await pool.connect();
  const ask = async (statement: string) =>
    (await client.query<{ done: boolean }>(`select ${statement}(hashtextextended($1, 0)) as done`, [name]))
      .rows[0]?.done;
  try {
    // Who freezes meanwhile must not keep the others out for good.
    await client.query(`set idle_session_timeout = ${sessionTimeout}`);
    for (
      const end = performance.now() + patience;
      !(await ask('pg_try_advisory_lock'));
      await sleep(interval)
    )
      if (performance.now() > end)
        throw new Error(
          `another controller has been busy for a minute with what one at a time does: ${name}`,
        );
    await work();
  } finally {
    // The connection is not used again, and the lock ends with it.
    client.release(true);
  }
}
