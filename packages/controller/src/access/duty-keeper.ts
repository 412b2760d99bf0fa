import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type ClusterRow, findCluster } from '../storage/clusters.ts';
import type { Database } from '../storage/database.ts';
import type { Notifications } from '../storage/notifications.ts';
import { type DutyRow, dutyChannel, listDuties } from '../storage/proxy-duties.ts';
import type { ClusterReach } from './cluster-reach.ts';
import type { OpenWork } from './open-work.ts';

export interface DutyKeeperParts {
  readonly db: Database;
  readonly log: Logger;
  readonly work: OpenWork;
  readonly connections: Connections;
  reach(cluster: ClusterRow): Promise<ClusterReach>;
  /** What was known of these clusters' machines is out of date. */
  changed(machineIds: readonly string[]): void;
}

/** What is open on this controller. */
export interface Connections {
  bar(machineId: string, name: string): Promise<void>;
  admit(machineId: string): void;
  retire(machineId: string): void;
  disconnect(machineId: string, name: string): Promise<void>;
}

/** Milliseconds between two looks: while something is drained, and else, should nobody have said that a duty changed. */
const [soon, late] = [250, 5_000];

/**
 * Makes this controller's connections fit the duties of proxies, whichever controller changed them: through a drained one
 * nothing new goes, runs go on elsewhere, and what else is open ends before its connection does; to a fenced one there
 * is none.
 */
export class DutyKeeper {
  readonly #parts: DutyKeeperParts;
  #known: ReadonlyMap<string, DutyRow> = new Map();
  /** By cluster: when a duty in it changed, as far as is known here. Milliseconds of `performance`. */
  readonly #changedAt = new Map<string, number>();
  /** Drained ones whose deadline is over and whose connections were closed for that. */
  readonly #ended = new Set<string>();
  #looking: Promise<void> = Promise.resolve();
  #closed = false;
  #waiting: AbortController | undefined;
  #watching: Promise<void> | undefined;

  constructor(parts: DutyKeeperParts) {
    this.#parts = parts;
  }

  /** Resolves when the duties are known, before which nothing should be opened; goes on looking until `close`. */
  async start(notifications: Notifications): Promise<void> {
    await this.look();
    this.#watching = this.#watch(notifications);
  }

  /** Now; resolves when this controller's connections fit. */
  look(): Promise<void> {
    const look = this.#looking.then(() => this.#look());
    this.#looking = look.catch(() => {});
    return look;
  }

  changedAt(clusterId: string): number {
    return this.#changedAt.get(clusterId) ?? Number.NEGATIVE_INFINITY;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting?.abort();
    await this.#watching;
    await this.#looking;
  }

  async #watch(notifications: Notifications): Promise<void> {
    while (!this.#closed) {
      // Begun before looking: what is said in between is heard. In Node 20 a signal that lives as long as this keeps
      // whatever was made from it by AbortSignal.any.
      const waiting = new AbortController();
      const { signal } = waiting;
      this.#waiting = waiting;
      const notice = notifications.wait(dutyChannel, '', late, signal);
      await this.look().catch((error) =>
        this.#parts.log.warn({ err: error }, 'the duties of proxies could not be read; trying again'),
      );
      if (this.#closed) waiting.abort();
      const drains = [...this.#known.values()].some(({ duty }) => duty === 'drained');
      const pause = drains ? sleep(soon, undefined, { signal }).catch(() => {}) : notice;
      await Promise.race([notice, pause]);
      waiting.abort();
    }
  }

  async #look(): Promise<void> {
    const { db, connections, changed } = this.#parts;
    const before = this.#known;
    const rows = new Map((await listDuties(db)).map((row) => [row.instance_id, row]));
    this.#known = rows;
    const news = [...new Set([...before.keys(), ...rows.keys()])].filter(
      (id) => before.get(id)?.since.getTime() !== rows.get(id)?.since.getTime(),
    );
    const bars: Promise<void>[] = [];
    for (const id of news) {
      const now = rows.get(id);
      const { cluster_id: cluster = '' } = now ?? before.get(id) ?? {};
      this.#changedAt.set(cluster, performance.now());
      this.#ended.delete(id);
      if (now?.duty === 'fenced') bars.push(connections.bar(id, now.name));
      else if (before.get(id)?.duty === 'fenced') connections.admit(id);
    }
    if (news.length > 0) changed(news);
    await Promise.all(bars);
    const drained = [...rows.values()].filter(({ duty }) => duty === 'drained');
    for (const row of drained) await this.#drain(row);
  }

  async #drain({ instance_id: id, name, deadline }: DutyRow): Promise<void> {
    const { connections, db, reach } = this.#parts;
    const through = this.#parts.work.through(id);
    const [first] = through;
    if (first) {
      const cluster = await findCluster(db, first.clusterId);
      const ways = cluster && (await reach(cluster));
      // One that has no other way stays until it has, or until the deadline.
      for (const { machineId, leave } of through) if (ways?.hasWorkingWay(machineId)) leave();
    }
    connections.retire(id);
    if (deadline === null || deadline.getTime() > Date.now() || this.#ended.has(id)) return;
    this.#ended.add(id);
    await connections.disconnect(id, name);
  }
}
