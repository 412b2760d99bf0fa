import { type Kysely, sql, type Transaction } from 'kysely';
import type { Database } from '../storage/database.ts';
import type { Notifications } from '../storage/notifications.ts';
import type { Schema } from '../storage/schema.ts';
import { storableJson } from '../storage/storable.ts';

export interface NewEvent {
  readonly projectId: string;
  readonly clusterId: string | null;
  /** e.g. `cluster.status`, `host-key-mismatch`. */
  readonly type: string;
  /** Never secrets. */
  readonly body: Readonly<Record<string, unknown>>;
}

export interface LoggedEvent extends NewEvent {
  /** Ascending; what a reader resumes from. */
  readonly sequence: string;
  readonly createdAt: Date;
}

export interface EventQuery {
  readonly projectId: string;
  readonly clusterId?: string;
  /** Only later ones. Default: from the beginning. */
  readonly after?: string;
  /** Default 100, at most 1000. */
  readonly limit?: number;
  /** Milliseconds to wait for the first one when there is none yet. */
  readonly wait?: number;
  readonly signal?: AbortSignal;
}

/** What a person waits for or suffers from, in order, for good. */
export interface EventLog {
  /** Inside the caller's transaction where given: the event is there exactly when the change is. */
  append(event: NewEvent, executor?: Kysely<Schema> | Transaction<Schema>): Promise<void>;
  /** Many of one project: whoever else tells something of it waits for one statement, not for each of them. */
  appendAll(events: readonly NewEvent[], executor: Transaction<Schema>): Promise<void>;
  /** For places where a failing log may not break the work: logs the failure, never throws. */
  emit(event: NewEvent): void;
  list(query: EventQuery): Promise<LoggedEvent[]>;
}

export const eventChannel = 'wadi_event';
/** Rows of one statement: each value is a parameter, of which there are 65535. */
const slice = 5000;

export function openEventLog(
  db: Database,
  notifications: Notifications,
  onFailure: (error: unknown, event: NewEvent) => void,
): EventLog {
  async function append(
    events: readonly NewEvent[],
    executor: Kysely<Schema> | Transaction<Schema>,
  ): Promise<void> {
    const [first] = events;
    if (!first) return;
    // Sequences are drawn before commit. Without the lock a reader could see 6, resume after it, and never see the 5
    // that commits a moment later. Held to the end of the transaction, per project.
    await sql`select pg_advisory_xact_lock(hashtextextended(${`wadi event ${first.projectId}`}, 0))`.execute(
      executor,
    );
    for (let from = 0; from < events.length; from += slice)
      await executor
        .insertInto('event')
        .values(
          events.slice(from, from + slice).map(({ clusterId, type, body }) => ({
            project_id: first.projectId,
            cluster_id: clusterId,
            type,
            body: storableJson(body),
          })),
        )
        .execute();
    await sql`select pg_notify(${eventChannel}, ${first.projectId})`.execute(executor);
  }

  async function read(query: EventQuery): Promise<LoggedEvent[]> {
    const rows = await db
      .selectFrom('event')
      .selectAll()
      .where('project_id', '=', query.projectId)
      .$if(query.clusterId !== undefined, (q) => q.where('cluster_id', '=', query.clusterId ?? null))
      .where('sequence', '>', query.after ?? '0')
      .orderBy('sequence')
      .limit(Math.min(query.limit ?? 100, 1000))
      .execute();
    return rows.map((row) => ({
      sequence: row.sequence,
      projectId: row.project_id,
      clusterId: row.cluster_id,
      type: row.type,
      body: row.body,
      createdAt: row.created_at,
    }));
  }

  return {
    append: (event, executor) =>
      executor ? append([event], executor) : db.transaction().execute((tx) => append([event], tx)),
    appendAll: append,

    emit(event) {
      db.transaction()
        .execute((tx) => append([event], tx))
        .catch((error) => onFailure(error, event));
    },

    async list(query) {
      const deadline = performance.now() + (query.wait ?? 0);
      for (;;) {
        // Begin to wait before looking: what is said in between is heard.
        const woken = new AbortController();
        const left = Math.max(0, deadline - performance.now());
        const signal = query.signal ? AbortSignal.any([query.signal, woken.signal]) : woken.signal;
        const notice = notifications.wait(eventChannel, query.projectId, left, signal);
        try {
          const events = await read(query);
          if (events.length > 0 || left === 0 || query.signal?.aborted) return events;
          await notice;
        } finally {
          woken.abort();
        }
      }
    },
  };
}
