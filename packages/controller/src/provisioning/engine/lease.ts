import { createHash } from 'node:crypto';
import pg from 'pg';
import { type Connection, clientConfig } from '../../storage/database.ts';

/** Milliseconds. The server ends a session that was silent this long, so a frozen controller loses its lease too. */
const sessionTimeout = 5000;
const pingInterval = 1000;

/**
 * A controller's claim to be alive: an advisory lock on a session that must speak every second. While it holds, nobody
 * takes over its workflows; once it is lost, somebody may have, and the controller must not go on for a moment.
 */
export class Lease {
  readonly #client: pg.Client;
  readonly #onLost: (reason: string) => void;
  #timer: NodeJS.Timeout | undefined;
  #lastAnswer = performance.now();
  #over = false;

  private constructor(client: pg.Client, onLost: (reason: string) => void) {
    this.#client = client;
    this.#onLost = onLost;
  }

  static async acquire(
    connection: Connection,
    controllerId: string,
    onLost: (reason: string) => void,
  ): Promise<Lease> {
    const client = new pg.Client({ ...clientConfig(connection), query_timeout: sessionTimeout });
    const lease = new Lease(client, onLost);
    client.on('error', (error) => lease.#lose(error.message));
    client.on('end', () => lease.#lose('the connection ended'));
    await client.connect();
    await client.query(`set idle_session_timeout = ${sessionTimeout}`);
    await client.query('select pg_advisory_lock($1)', [lockKey(controllerId)]);
    lease.#lastAnswer = performance.now();
    lease.#timer = setInterval(() => lease.#ping(), pingInterval);
    return lease;
  }

  /** Runs `work` when no living controller has this id; false when one has. */
  async whileDead(controllerId: string, work: () => Promise<void>): Promise<boolean> {
    const { rows } = await this.#client.query('select pg_try_advisory_lock($1) as free', [
      lockKey(controllerId),
    ]);
    if (!rows[0]?.free) return false;
    try {
      await work();
    } finally {
      await this.#client.query('select pg_advisory_unlock($1)', [lockKey(controllerId)]);
    }
    return true;
  }

  async release(): Promise<void> {
    this.#over = true;
    clearInterval(this.#timer);
    await this.#client.end().catch(() => {});
  }

  #ping(): void {
    // After a freeze this runs before any answer could: the lock may be another's by now.
    if (performance.now() - this.#lastAnswer > sessionTimeout) {
      this.#lose('the controller stood still');
      return;
    }
    this.#client.query('select 1').then(
      () => {
        this.#lastAnswer = performance.now();
      },
      (error: Error) => this.#lose(error.message),
    );
  }

  #lose(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#timer);
    this.#onLost(reason);
  }
}

/** 64 bits of the id: two controllers never share a lock by chance. */
export function lockKey(controllerId: string): string {
  return createHash('sha256').update(`wadi controller ${controllerId}`).digest().readBigInt64BE().toString();
}
