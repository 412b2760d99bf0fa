import { readFileSync } from 'node:fs';
import { CommandError, usageError } from '../command-error.ts';
import { ExitCode } from '../exit-code.ts';
import type { SaharaDatabase } from './database-url.ts';

export type Row = Readonly<Record<string, unknown>>;

/** A transaction in which nothing can be written, and which sees the database as it was at its begin. */
export interface ReadOnlyDatabase {
  /** `sql` is ours; what it is about is not part of it. */
  rows(sql: string): Promise<readonly Row[]>;
  close(): Promise<void>;
}

/** Milliseconds for a connection, and for each answer. */
const connectDeadline = 10_000;
const answerDeadline = 30_000;

/** Throws a CommandError that says what is in the way, without the password. */
export async function openReadOnly(where: SaharaDatabase): Promise<ReadOnlyDatabase> {
  try {
    return where.kind === 'mysql' ? await openMysql(where) : await openPostgres(where);
  } catch (error) {
    throw tell(where, error as Error);
  }
}

async function openMysql(where: SaharaDatabase): Promise<ReadOnlyDatabase> {
  // Few need them, and all of the command line would wait for them.
  const { createConnection } = await import('mysql2/promise');
  const connection = await createConnection({
    ...(where.socket ? { socketPath: where.socket } : { host: where.host, port: where.port }),
    ...(where.user ? { user: where.user } : {}),
    ...(where.password ? { password: where.password } : {}),
    database: where.database,
    charset: 'utf8mb4',
    connectTimeout: connectDeadline,
    ...(where.tls ? { ssl: authorities(where) } : {}),
  });
  // Told with the next answer; without a listener it would end the process.
  connection.on('error', () => {});
  try {
    await connection.query('set session transaction isolation level repeatable read');
    await connection.query('start transaction with consistent snapshot, read only');
  } catch (error) {
    connection.destroy();
    throw error;
  }
  return {
    async rows(sql) {
      const answer = connection.query({ sql, timeout: answerDeadline });
      const [rows] = await answer.catch((error) => {
        throw tell(where, error);
      });
      return rows as Row[];
    },
    close: () => connection.end().catch(() => connection.destroy()),
  };
}

async function openPostgres(where: SaharaDatabase): Promise<ReadOnlyDatabase> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({
    host: where.socket ?? where.host,
    port: where.port,
    user: where.user,
    password: where.password,
    database: where.database,
    connectionTimeoutMillis: connectDeadline,
    query_timeout: answerDeadline,
    ...(where.tls ? { ssl: authorities(where) } : {}),
  });
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query('begin transaction isolation level repeatable read, read only');
  } catch (error) {
    await client.end();
    throw error;
  }
  return {
    async rows(sql) {
      const { rows } = await client.query(sql).catch((error) => {
        throw tell(where, error);
      });
      return rows;
    },
    close: () => client.end().catch(() => {}),
  };
}

function authorities({ tls }: SaharaDatabase): { ca?: string; rejectUnauthorized: true } {
  const { ca = null } = tls ?? {};
  if (ca === null) return { rejectUnauthorized: true };
  try {
    return { ca: readFileSync(ca, 'utf8'), rejectUnauthorized: true };
  } catch (error) {
    throw usageError(`cannot read ${ca}: ${(error as NodeJS.ErrnoException).code}`);
  }
}

/** MySQL's names of errors, and the codes of PostgreSQL (its manual, appendix A). */
const causes: readonly (readonly [RegExp, string])[] = [
  [/^(ECONNREFUSED|ENOENT)$/, 'nothing listens there; is that the address of the database, seen from here?'],
  [/^(ENOTFOUND|EAI_AGAIN)$/, 'that name is not known here'],
  [/^(ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)$/, 'there is no way to it from here; run this where Sahara runs'],
  [/^(ER_ACCESS_DENIED_ERROR|ER_DBACCESS_DENIED_ERROR|28P01|28000)$/, 'it does not let this user in'],
  [
    /^(ER_TABLEACCESS_DENIED_ERROR|42501)$/,
    'the user may not read it; SELECT on all of its tables is enough',
  ],
  [/^(ER_BAD_DB_ERROR|3D000)$/, 'the server has no such database'],
  [/^(ER_NO_SUCH_TABLE|42P01|ER_BAD_FIELD_ERROR|42703)$/, 'this is no database of Sahara'],
];

/** Nothing of the server's own text: it may quote what it was sent. */
function tell(where: SaharaDatabase, error: Error & { readonly code?: string }): Error {
  if (error instanceof CommandError) return error;
  const { code = '' } = error;
  const late = /timeout/i.test(error.message) ? 'it did not answer in time' : undefined;
  const cause = causes.find(([pattern]) => pattern.test(code))?.[1] ?? late ?? (code || 'it failed');
  const place = where.socket ?? `${where.host}:${where.port}`;
  return new CommandError(
    `the database ${where.database} at ${place} cannot be read: ${cause}`,
    ExitCode.failed,
    code && cause !== code ? `(${code})` : undefined,
  );
}
