import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../packages/controller/src/storage/postgres/embedded-postgres.ts';
import { databaseNames, dumpDatabase } from './dump-database.ts';
import { makeRunFolder, readPart } from './run-folder.ts';
import { searchSecrets } from './search-secrets.ts';

type Piece = { name: string; content: Buffer };

/**
 * One PostgreSQL for the run, a database per test file; at the end, a search of everything that was written for every
 * secret that was planted.
 */
export default async function setUp(project: TestProject) {
  const folder = mkdtempSync('/tmp/wadi-tests-');
  chmodSync(folder, 0o755);
  makeRunFolder(folder);
  const postgres = await startEmbeddedPostgres({ dataDirectory: folder, tell: () => {} });
  if (!('socketDirectory' in postgres.connection)) throw new Error('unreachable');
  const { socketDirectory: host, user } = postgres.connection;
  project.provide('runFolder', folder);
  project.provide('postgresSocket', host);

  return async () => {
    const problems: string[] = [];
    try {
      const evidence = readPart(folder, 'evidence');
      for (const database of await databaseNames({ host, user, database: 'postgres' }))
        evidence.push({
          name: `database ${database}`,
          content: await dumpDatabase({ host, user, database }),
        });
      const directories = new Set(readPart(folder, 'data').map(({ content }) => content.toString()));
      for (const directory of directories) evidence.push(...(await searchable(directory)));
      evidence.push(...logsIn(folder));
      const secrets = readPart(folder, 'secrets');
      problems.push(...searchSecrets(secrets, evidence));
      const bytes = evidence.reduce((sum, { content }) => sum + content.length, 0);
      console.log(
        `Searched ${evidence.length} dumps, logs and process lists (${(bytes / 1e6).toFixed(1)} MB) for ` +
          `${secrets.length} planted secrets.`,
      );
    } finally {
      await postgres.stop();
      removeRelocated(folder);
      rmSync(folder, { recursive: true, force: true });
    }
    if (problems.length > 0) {
      console.error(`Planted secrets were found:\n${problems.join('\n')}`);
      process.exitCode = 1;
      throw new Error(`${problems.length} planted secrets were found`);
    }
  };
}

/** What a controller left in its data directory: its database, started once more, and its logs. */
async function searchable(directory: string): Promise<Piece[]> {
  if (!existsSync(directory)) return [];
  const pieces = logsIn(directory);
  if (existsSync(path.join(directory, 'postgres', 'data'))) {
    const postgres = await startEmbeddedPostgres({ dataDirectory: directory, tell: () => {} });
    try {
      if (!('socketDirectory' in postgres.connection)) throw new Error('unreachable');
      const { socketDirectory: host, user, database } = postgres.connection;
      const content = await dumpDatabase({ host, user, database });
      pieces.push({ name: `database of ${directory}`, content });
    } finally {
      await postgres.stop();
    }
  }
  removeRelocated(directory);
  return pieces;
}

function logsIn(directory: string): Piece[] {
  return readdirSync(directory)
    .filter((name) => /\.log(\.1)?$/.test(name))
    .map((name) => path.join(directory, name))
    .map((name) => ({ name, content: readFileSync(name) }));
}

/** A database that had to go to /var/lib/wadi because of the directory's permissions. */
function removeRelocated(directory: string): void {
  const link = path.join(directory, 'postgres');
  if (!existsSync(link)) return;
  const place = realpathSync(link);
  if (place.startsWith('/var/lib/wadi/')) rmSync(place, { recursive: true, force: true });
}
