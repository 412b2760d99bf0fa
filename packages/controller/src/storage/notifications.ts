import { EventEmitter } from 'node:events';
import pg from 'pg';
import { type Connection, clientConfig } from './database.ts';

/** PostgreSQL's LISTEN/NOTIFY on one connection: wakes those who wait, on whichever controller they are. */
export interface Notifications {
  /** Resolves at the next notice on `channel` with this payload, after `milliseconds`, or when the signal aborts. */
  wait(channel: string, payload: string, milliseconds: number, signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Milliseconds between attempts to listen again. Meanwhile waiters wake by this clock, so none oversleeps much. */
const reconnectDelay = 1000;

export class PostgresNotifications implements Notifications {
  readonly #connection: Connection;
  readonly #channels: readonly string[];
  readonly #waiters = new EventEmitter().setMaxListeners(0);
  #client: pg.Client | null = null;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  private constructor(connection: Connection, channels: readonly string[]) {
    this.#connection = connection;
    this.#channels = channels;
  }

  static async open(connection: Connection, channels: readonly string[]): Promise<PostgresNotifications> {
    const notifications = new PostgresNotifications(connection, channels);
    await notifications.#listen();
    return notifications;
  }

  wait(channel: string, payload: string, milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted || this.#closed) return resolve();
      const names = [`${channel}:${payload}`, 'everyone'];
      // Without the connection nobody would call, so look again after a second.
      const timer = setTimeout(done, this.#client ? milliseconds : Math.min(milliseconds, reconnectDelay));
      const waiters = this.#waiters;
      for (const name of names) waiters.on(name, done);
      signal?.addEventListener('abort', done);
      function done() {
        clearTimeout(timer);
        for (const name of names) waiters.off(name, done);
        signal?.removeEventListener('abort', done);
        resolve();
      }
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#waiters.emit('everyone');
    const client = this.#client;
    this.#client = null;
    await client?.end().catch(() => {});
  }

  async #listen(): Promise<void> {
    const client = new pg.Client(clientConfig(this.#connection));
    client.on('error', () => this.#lost(client));
    client.on('end', () => this.#lost(client));
    client.on('notification', ({ channel, payload }) => this.#waiters.emit(`${channel}:${payload ?? ''}`));
    await client.connect();
    for (const channel of this.#channels) await client.query(`listen ${client.escapeIdentifier(channel)}`);
    if (this.#closed) return void client.end().catch(() => {});
    this.#client = client;
  }

  #lost(client: pg.Client): void {
    if (this.#closed || this.#timer || (this.#client && this.#client !== client)) return;
    this.#client = null;
    // What was said meanwhile was not heard: everyone looks again.
    this.#waiters.emit('everyone');
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#listen().catch(() => this.#lost(client));
    }, reconnectDelay);
  }
}
