import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { clientConfig } from '../database.ts';

/** What a server wrote about itself into postmaster.pid. It may be long gone. */
export interface RunningServer {
  readonly pid: number;
  readonly socketDirectory: string;
}

/** User and database of ours; access is by the permissions of the socket's directory. */
export const user = 'wadi';
export const database = 'wadi';

export function readPostmasterFile(cluster: string): RunningServer | null {
  let text: string;
  try {
    text = readFileSync(path.join(cluster, 'postmaster.pid'), 'utf8');
  } catch {
    return null;
  }
  // Lines: pid, data directory, start time, port, socket directory, … (PostgreSQL, miscinit.h).
  const [pid, , , , socketDirectory] = text.split('\n');
  if (!/^\d+$/.test(pid ?? '') || !socketDirectory?.startsWith('/')) return null;
  return { pid: Number(pid), socketDirectory };
}

/**
 * `ready`: our database answers there. `busy`: it is starting or stopping, ask again. `absent`: nobody listens, or
 * somebody else does.
 */
export async function probe(socketDirectory: string, cluster: string): Promise<'ready' | 'busy' | 'absent'> {
  const client = new pg.Client({
    ...clientConfig({ socketDirectory, user, database: 'postgres' }),
    connectionTimeoutMillis: 3000,
    query_timeout: 3000,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query(`select current_setting('data_directory') as directory`);
    return rows[0]?.directory === cluster ? 'ready' : 'absent';
  } catch (error) {
    // 57P03: cannot_connect_now; 57P01/2: it is being stopped.
    return /^57P0[123]$/.test(String((error as { code?: string }).code)) ? 'busy' : 'absent';
  } finally {
    await client.end().catch(() => {});
  }
}

export async function ensureDatabase(socketDirectory: string): Promise<void> {
  const client = new pg.Client(clientConfig({ socketDirectory, user, database: 'postgres' }));
  client.on('error', () => {});
  await client.connect();
  try {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [database]);
    if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(database)}`);
  } finally {
    await client.end().catch(() => {});
  }
}

/**
 * Whether this process is the server of that cluster. The file that named it belongs to the server's user, so its
 * word alone must not make us signal somebody else's process.
 */
export function isServerOf(pid: number, cluster: string, uid: number | null): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' && uid === null;
  }
  if (process.platform !== 'linux') return true;
  try {
    if (uid !== null && statSync(`/proc/${pid}`).uid !== uid) return false;
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(cluster);
  } catch {
    return false;
  }
}
