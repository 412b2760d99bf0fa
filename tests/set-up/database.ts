import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';

export interface TestDatabase {
  readonly name: string;
  /** For `pg`, kysely and controllers. */
  readonly url: string;
}

/** An empty database on the run's server. Kept to the end of the run, when it is searched for secrets. */
export async function createDatabase(): Promise<TestDatabase> {
  const host = inject('postgresSocket');
  const name = `test_${randomBytes(6).toString('hex')}`;
  const client = new pg.Client({ host, user: 'wadi', database: 'postgres' });
  await client.connect();
  try {
    await client.query(`create database ${name}`);
  } finally {
    await client.end();
  }
  return { name, url: `postgresql://wadi@localhost/${name}?host=${encodeURIComponent(host)}` };
}
