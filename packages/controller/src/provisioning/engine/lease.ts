import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type Connection, clientConfig } from '../../storage/database.ts';
import { putUpFence } from './fence.ts';

/** Milliseconds. The server ends a session that was silent this long, so a frozen controller loses its lease too. */
const sessionTimeout = 5000;
const pingInterval = 1000;
/** Milliseconds until somebody who waits for a lock looks again. */
const lookAgain = 250;

/**
 * A controller's claim to be alive: an advisory lock on a session that must speak every second. While it holds, nobody
 * takes over its workflows; once it is lost, somebody may have, and the controller must not go on for a moment.
 */
export class Lease {
  readonly #client: pg.Client;
  readonly #onLost: (reason: string) => void;
  #timer: NodeJS.Timeout | undefined;
  /** When the last question that was answered was asked: the server counts from later on. */
  #heardSince = performance.now();
  #over = false;
  #takeFenceDown = () => {};

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
    lease.#heardSince = performance.now();
    await client.query('select pg_advisory_lock($1)', [lockKey(controllerId)]);
    lease.#takeFenceDown = putUpFence(() => lease.#check());
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

  /** Holds what it is at as long as it lives; waits while another controller does. */
  async hold(workflowId: string): Promise<void> {
    while (!this.#over) {
      const answer = await this.#client
        .query('select pg_try_advisory_lock($1) as held', [holdKey(workflowId)])
        .catch(() => null);
      if (answer?.rows[0]?.held) return;
      await sleep(lookAgain);
    }
    // Whoever has no lease any more begins nothing.
    await new Promise(() => {});
  }

  async letGo(workflowId: string): Promise<void> {
    await this.#client.query('select pg_advisory_unlock($1)', [holdKey(workflowId)]).catch(() => {});
  }

  async release(): Promise<void> {
    this.#over = true;
    clearInterval(this.#timer);
    this.#takeFenceDown();
    await this.#client.end().catch(() => {});
  }

  /** After a freeze this comes before any answer could: the lock may be another's by now. */
  #check(): void {
    if (this.#over || performance.now() - this.#heardSince <= sessionTimeout) return;
    this.#lose('the controller stood still');
    // Where it does not end at once, because it is stopping anyway, it says nothing either.
    throw new Error('this controller stood still, and another may have taken over what it does');
  }

  #ping(): void {
    const asked = performance.now();
    if (asked - this.#heardSince > sessionTimeout) {
      this.#lose('the controller stood still');
      return;
    }
    this.#client.query('select 1').then(
      () => {
        this.#heardSince = asked;
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

/** Resolves when no controller that lives is at a workflow any more. */
export async function untilLetGo(pool: pg.Pool, workflowId: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    // Its lock ends with the statement.
    const { rows } = await pool.query('select pg_try_advisory_xact_lock($1) as free', [holdKey(workflowId)]);
    if (rows[0]?.free) return;
    await sleep(lookAgain, undefined, { signal }).catch(() => {});
  }
}

export function lockKey(controllerId: string): string {
  return keyOf(`wadi controller ${controllerId}`);
}

function holdKey(workflowId: string): string {
  return keyOf(`wadi workflow ${workflowId}`);
}

/** 64 bits: two never share a lock by chance. */
function keyOf(name: string): string {
  return createHash('sha256').update(name).digest().readBigInt64BE().toString();
}
