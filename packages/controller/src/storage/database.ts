import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Schema } from './schema.ts';

export type Database = Kysely<Schema>;

/** A URL as the operator gave it, or the private socket of the embedded server. */
export type Connection =
  | { readonly url: string }
  | { readonly socketDirectory: string; readonly user: string; readonly database: string };

/** Milliseconds. Nothing of ours runs longer; a stuck database becomes an error instead of silence. */
const connectTimeout = 10_000;
const statementTimeout = 30_000;
const idleInTransactionTimeout = 10_000;

export function clientConfig(connection: Connection): pg.ClientConfig {
  const target =
    'url' in connection
      ? { connectionString: connection.url }
      : { host: connection.socketDirectory, user: connection.user, database: connection.database };
  return {
    ...target,
    application_name: 'wadi',
    connectionTimeoutMillis: connectTimeout,
    keepAlive: true,
  };
}

export function openPool(connection: Connection, max: number, onError: (error: Error) => void): pg.Pool {
  const pool = new pg.Pool({
    ...clientConfig(connection),
    max,
    statement_timeout: statementTimeout,
    idle_in_transaction_session_timeout: idleInTransactionTimeout,
  });
  // Without a listener a connection that breaks would end the process: an idle one, and one that is in use, whose query
  // is rejected besides.
  pool.on('error', onError);
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

export function openDatabase(pool: pg.Pool): Database {
  return new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
}
