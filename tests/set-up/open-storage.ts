import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { inject } from 'vitest';
import { eventChannel, openEventLog } from '../../packages/controller/src/events/event-log.ts';
import { type Database, openDatabase, openPool } from '../../packages/controller/src/storage/database.ts';
import { KeyKeeper } from '../../packages/controller/src/storage/keys/key-keeper.ts';
import { KeyRing } from '../../packages/controller/src/storage/keys/key-ring.ts';
import { openKeySource } from '../../packages/controller/src/storage/keys/key-source.ts';
import { migrate } from '../../packages/controller/src/storage/migrate.ts';
import { PostgresNotifications } from '../../packages/controller/src/storage/notifications.ts';
import { openSecrets } from '../../packages/controller/src/storage/secrets.ts';
import { createDatabase } from './database.ts';

/** A database of its own with Wadi's tables, and what works on it; without a controller. */
export async function openStorage(channels: readonly string[] = [eventChannel]) {
  const { name, url } = await createDatabase();
  const connection = { url };
  const pool = openPool(connection, 10, () => {});
  const db: Database = openDatabase(pool);
  await migrate(db);
  await db.insertInto('project').values({ id: 'default', name: 'default' }).execute();
  const notifications = await PostgresNotifications.open(connection, channels);
  const failures: unknown[] = [];
  const masterKeyFile = `${inject('runFolder')}/${name}.key`;
  const ring = await KeyRing.open(openKeySource({ kind: 'file', file: masterKeyFile }), true);
  const log = pino({ level: 'silent' });
  const keeper = await KeyKeeper.register({ db, ring, controllerId: randomUUID(), name: 'test', log });
  return {
    url,
    db,
    pool,
    notifications,
    events: openEventLog(db, notifications, (error) => failures.push(error)),
    /** Of `events.emit`. */
    failures,
    masterKeyFile,
    keeper,
    secrets: openSecrets(db, ring),
    async close() {
      await keeper.close();
      await notifications.close();
      await pool.end();
    },
  };
}

export type Storage = Awaited<ReturnType<typeof openStorage>>;
