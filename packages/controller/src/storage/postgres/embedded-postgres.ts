import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '../database.ts';
import { ensurePlace, type Place } from './place.ts';
import { findPrograms } from './programs.ts';
import { database, ensureDatabase, isServerOf, probe, readPostmasterFile, user } from './running-server.ts';

export interface EmbeddedPostgres {
  readonly connection: Connection;
  /** True: it outlived the controller that had started it. */
  readonly adopted: boolean;
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** Absolute; exists. The server's log goes there as `postgres.log`. */
  readonly dataDirectory: string;
  /** Things that the operator should know. */
  readonly tell: (text: string) => void;
  /** It ended without being asked to. */
  readonly onLost?: () => void;
}

/** Milliseconds. Recovery after a crash may read much; an old server's last children keep the new one out a while. */
const startDeadline = 60_000;
const leftoverDeadline = 10_000;
const stopDeadline = 15_000;
/** A quiet environment: what is in ours (tokens, URLs with passwords) is not the server's business. */
const environment = { PATH: '/usr/bin:/bin', LANG: 'C', LC_ALL: 'C', TZ: 'UTC' };

/**
 * The PostgreSQL that only this data directory's controller uses: on a private unix socket, no port, no password.
 * Finds the one that is running, else starts it, creating the database at first.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const programs = findPrograms();
  const place = ensurePlace(options.dataDirectory, programs, options.tell);
  const cluster = path.join(place.directory, 'data');
  const log = path.join(options.dataDirectory, 'postgres.log');
  if (!fs.existsSync(path.join(cluster, 'PG_VERSION'))) await createCluster(place, cluster);
  const version = fs.readFileSync(path.join(cluster, 'PG_VERSION'), 'utf8').trim();
  if (version !== programs.version.split('.')[0])
    throw new Error(
      `the database in ${cluster} is of PostgreSQL ${version}, the programs at hand are ${programs.version}: upgrade it ` +
        `with pg_upgrade, or run a PostgreSQL ${version} on it yourself and name that with DATABASE_URL`,
    );
  const began = performance.now();
  for (;;) {
    const running = readPostmasterFile(cluster);
    if (running) {
      const state = await probe(running.socketDirectory, cluster);
      if (state === 'ready') return adopted(running.pid, running.socketDirectory, cluster, place);
      const waited = performance.now() - began;
      if (state === 'busy' && waited < startDeadline) {
        await sleep(50);
        continue;
      }
      // Alive but deaf: somebody removed its socket.
      if (isServerOf(running.pid, cluster, place.identity?.uid ?? null))
        await stopServer(running.pid, () => isServerOf(running.pid, cluster, place.identity?.uid ?? null));
      removeSocketDirectory(running.socketDirectory, place);
    }
    const server = await launch(place, cluster, log, options.onLost);
    if (server) return server;
    if (performance.now() - began > leftoverDeadline)
      throw new Error(`PostgreSQL does not start; the end of ${log}:\n${lastLines(log)}`);
    await sleep(200);
  }
}

/** Made aside and renamed: a first start that is killed half-way leaves nothing that looks like a database. */
async function createCluster(place: Place, cluster: string): Promise<void> {
  for (const name of fs.readdirSync(place.directory))
    if (name.startsWith('data.new-'))
      fs.rmSync(path.join(place.directory, name), { recursive: true, force: true });
  const fresh = `${cluster}.new-${randomBytes(4).toString('hex')}`;
  const args = ['-D', fresh, '-U', user, '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-instructions'];
  const child = spawn(path.join(place.bin, 'initdb'), args, {
    ...place.identity,
    cwd: '/',
    env: environment,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output = (output + chunk).slice(-4000);
    });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (status !== 0) throw new Error(`initdb failed (status ${status}):\n${output.trim()}`);
  fs.renameSync(fresh, cluster);
}

/** Null: it ended at once; why is in its log. */
async function launch(
  place: Place,
  cluster: string,
  log: string,
  onLost?: () => void,
): Promise<EmbeddedPostgres | null> {
  // Short, because a socket's path may have 107 bytes, and data directories lie deep. Random and ours alone.
  const socketDirectory = fs.mkdtempSync('/tmp/wadi-pg-');
  if (place.identity) fs.chownSync(socketDirectory, place.identity.uid, place.identity.gid);
  const output = fs.openSync(
    log,
    (fs.statSync(log, { throwIfNoEntry: false })?.size ?? 0) > 1e6 ? 'w' : 'a',
    0o600,
  );
  const child = spawn(path.join(place.bin, 'postgres'), ['-D', cluster, ...settings(socketDirectory)], {
    ...place.identity,
    cwd: '/',
    env: environment,
    // Its own process group: Ctrl-C in a terminal must reach us first, or it would be gone before we are done.
    detached: true,
    stdio: ['ignore', output, output],
  });
  fs.closeSync(output);
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const deadline = performance.now() + startDeadline;
  while (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
    const listening = fs.existsSync(path.join(socketDirectory, '.s.PGSQL.5432'));
    if (listening && (await probe(socketDirectory, cluster)) === 'ready') {
      const server = started(child, ended, socketDirectory, place, onLost);
      // Not ours to leave running when this goes wrong.
      await ensureDatabase(socketDirectory).catch((error) => server.stop().then(() => Promise.reject(error)));
      return server;
    }
    if (performance.now() > deadline) child.kill('SIGQUIT');
    await Promise.race([ended, sleep(10)]);
  }
  removeSocketDirectory(socketDirectory, place);
  return null;
}

function settings(socketDirectory: string): string[] {
  const values = {
    listen_addresses: '',
    unix_socket_directories: socketDirectory,
    unix_socket_permissions: '0700',
    max_connections: '200',
    shared_buffers: '64MB',
    max_wal_size: '512MB',
    timezone: 'UTC',
    log_timezone: 'UTC',
    jit: 'off',
    logging_collector: 'off',
    // Statements hold what the log must not: never write them down, nor their parameters.
    log_min_error_statement: 'panic',
    log_statement: 'none',
    log_parameter_max_length_on_error: '0',
  };
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

function started(
  child: ChildProcess,
  ended: Promise<void>,
  socketDirectory: string,
  place: Place,
  onLost?: () => void,
): EmbeddedPostgres {
  let stopping = false;
  ended.then(() => {
    if (!stopping) onLost?.();
  });
  return {
    connection: { socketDirectory, user, database },
    adopted: false,
    async stop() {
      stopping = true;
      await stopServer(child.pid as number, () => child.exitCode === null && child.signalCode === null);
      removeSocketDirectory(socketDirectory, place);
    },
  };
}

async function adopted(
  pid: number,
  socketDirectory: string,
  cluster: string,
  place: Place,
): Promise<EmbeddedPostgres> {
  await ensureDatabase(socketDirectory);
  return {
    connection: { socketDirectory, user, database },
    adopted: true,
    async stop() {
      await stopServer(pid, () => isServerOf(pid, cluster, place.identity?.uid ?? null));
      removeSocketDirectory(socketDirectory, place);
    },
  };
}

/** SIGINT: connections are cut, everything is written. SIGTERM would wait for clients, SIGQUIT leaves recovery to do. */
async function stopServer(pid: number, isRunning: () => boolean): Promise<void> {
  const began = performance.now();
  if (isRunning()) process.kill(pid, 'SIGINT');
  let pressed = false;
  while (isRunning()) {
    const waited = performance.now() - began;
    if (waited > stopDeadline && !pressed) {
      process.kill(pid, 'SIGQUIT');
      pressed = true;
    }
    if (waited > stopDeadline + 5000) throw new Error(`PostgreSQL (process ${pid}) does not stop`);
    await sleep(10);
  }
}

/** Only what we made: the path may come from a file that the server's user can write. */
function removeSocketDirectory(directory: string, place: Place): void {
  if (!/^\/tmp\/wadi-pg-[A-Za-z0-9]{6}$/.test(directory)) return;
  const stat = fs.lstatSync(directory, { throwIfNoEntry: false });
  if (!stat?.isDirectory() || stat.uid !== (place.identity?.uid ?? process.getuid?.())) return;
  fs.rmSync(directory, { recursive: true, force: true });
}

function lastLines(file: string): string {
  return fs.readFileSync(file, 'utf8').trim().split('\n').slice(-10).join('\n');
}
