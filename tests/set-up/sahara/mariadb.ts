import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Connection, createConnection } from 'mysql2/promise';
import { inject } from 'vitest';
import { plantSecret } from '../run-folder.ts';

const run = promisify(execFile);
/** Milliseconds; the machine may be busy with everything else. */
const patience = 60_000;
/** Sahara's own user, and one that may only read. */
const users = ['sahara', 'reader'] as const;

/** Debian's MariaDB on a socket of its own, with an empty database `sahara`. */
export class Mariadb {
  readonly socket: string;
  readonly #directory: string;
  readonly #server: ChildProcess;
  readonly #password: string;
  #admin: Connection | undefined;

  private constructor(directory: string, server: ChildProcess, password: string) {
    this.#directory = directory;
    this.#server = server;
    this.#password = password;
    this.socket = path.join(directory, 'socket');
  }

  static async start(): Promise<Mariadb> {
    const directory = await mkdtemp(path.join(inject('runFolder'), 'mariadb-'));
    const data = path.join(directory, 'data');
    await mkdir(data);
    // It refuses to be root's, and the clients have to get through.
    await chmod(directory, 0o755);
    await run('chown', ['nobody', directory, data]);
    const common = ['--no-defaults', '--user=nobody', `--datadir=${data}`];
    const install = ['--skip-test-db', '--auth-root-authentication-method=normal'];
    await run('mariadb-install-db', [...common, ...install]);
    const small = ['--innodb-buffer-pool-size=16M', '--innodb-flush-log-at-trx-commit=0'];
    const argv = [...common, ...small, '--skip-networking', `--socket=${path.join(directory, 'socket')}`];
    const server = spawn('/usr/sbin/mariadbd', argv, { stdio: 'ignore' });
    process.once('exit', () => server.kill('SIGKILL'));
    const database = new Mariadb(directory, server, randomBytes(12).toString('hex'));
    await database.#prepare();
    return database;
  }

  async #prepare(): Promise<void> {
    plantSecret('password of the Sahara database', this.#password);
    const admin = await this.admin();
    await admin.query('create database sahara character set utf8mb3');
    const rights = { sahara: 'all', reader: 'select' };
    for (const user of users) {
      await admin.query(`create user ${user}@localhost identified by '${this.#password}'`);
      await admin.query(`grant ${rights[user]} on sahara.* to ${user}@localhost`);
    }
  }

  /** As SQLAlchemy and sahara.conf have it. */
  url(user: (typeof users)[number] = 'sahara'): string {
    return `mysql+pymysql://${user}:${this.#password}@localhost/sahara?charset=utf8&unix_socket=${this.socket}`;
  }

  /** As root; closed with the server. */
  async admin(): Promise<Connection> {
    for (const deadline = performance.now() + patience; !this.#admin; await sleep(20)) {
      try {
        this.#admin = await createConnection({ socketPath: this.socket, user: 'root', dateStrings: true });
      } catch (error) {
        if (this.#server.exitCode !== null || performance.now() > deadline) throw error;
      }
    }
    return this.#admin;
  }

  /** Every table as it is made, and every row. */
  async dump(): Promise<Dump> {
    const admin = await this.admin();
    await admin.query('use sahara');
    const [names] = (await admin.query({ sql: 'show tables', rowsAsArray: true })) as unknown as [[string][]];
    const dump: Dump = {};
    for (const [name] of names.sort()) {
      const [[made]] = (await admin.query({
        sql: `show create table ${name}`,
        rowsAsArray: true,
      })) as unknown as [[[string, string]]];
      const [rows] = await admin.query(`select * from ${name} order by 1, 2, 3`).catch(async () => {
        return await admin.query(`select * from ${name}`);
      });
      dump[name] = { create: made[1], rows: rows as Record<string, unknown>[] };
    }
    return dump;
  }

  /** Into an empty database. */
  async load(dump: Dump): Promise<void> {
    const admin = await this.admin();
    await admin.query('use sahara');
    await admin.query('set foreign_key_checks = 0');
    for (const [name, { create, rows }] of Object.entries(dump)) {
      await admin.query(create);
      for (const row of rows) await admin.query({ sql: `insert into ${name} set ?`, values: [row] });
    }
    await admin.query('set foreign_key_checks = 1');
  }

  async stop(): Promise<void> {
    await this.#admin?.end();
    const over = new Promise((resolve) => this.#server.once('close', resolve));
    this.#server.kill('SIGTERM');
    await over;
    await rm(this.#directory, { recursive: true, force: true });
  }
}

export type Dump = Record<string, { create: string; rows: Record<string, unknown>[] }>;
