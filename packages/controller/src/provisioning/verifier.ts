import type { Logger } from 'pino';
import type { ClusterAccess } from '../access/cluster-access.ts';
import type { ClusterReach } from '../access/cluster-reach.ts';
import {
  type CheckResult,
  type MachineHealth,
  machineChecks,
  overallHealth,
} from '../clusters/verification.ts';
import { type ClusterRow, findCluster } from '../storage/clusters.ts';
import type { Database } from '../storage/database.ts';
import {
  beginVerification,
  clustersToVerify,
  dropVerification,
  finishVerification,
} from '../storage/verifications.ts';
import { lookAtMachines } from './look-at-machines.ts';

/** Further checks of a cluster whose machines were found like this, e.g. those of its plugin. Ends when the signal says so. */
export type HealthChecks = (
  cluster: ClusterRow,
  reach: ClusterReach,
  machines: readonly MachineHealth[],
  signal: AbortSignal,
) => Promise<readonly CheckResult[]>;

export interface VerifierParts {
  readonly db: Database;
  readonly access: ClusterAccess;
  readonly log: Logger;
  readonly checks?: readonly HealthChecks[];
  /** Seconds between two looks at a cluster; 0: nobody ever looks. */
  readonly everySeconds: number;
}

/** Seconds that a look may take. What is not answered by then counts as not there. */
const deadlineSeconds = 60;
/** Seconds after which one that is under way must have lost its controller. */
const staleSeconds = 2 * deadlineSeconds;
/** Clusters that are looked at at once because it is time. */
const atOnce = 4;

/**
 * Looks at the health of clusters: when asked, when they have become Active, and from time to time. Nothing is durable
 * but the outcome: a look that dies with its controller is taken again by the next one.
 */
export class Verifier {
  readonly #parts: VerifierParts;
  /** By cluster. */
  readonly #underWay = new Map<string, { readonly stop: AbortController; readonly done: Promise<void> }>();
  #timer: NodeJS.Timeout | undefined;
  #lookingAround = false;
  #closed = false;

  constructor(parts: VerifierParts) {
    this.#parts = parts;
  }

  get enabled(): boolean {
    return this.#parts.everySeconds > 0;
  }

  /** From now on every Active cluster has its turn, those of other controllers too: whoever comes first. */
  start(): void {
    if (!this.enabled) return;
    const pause = Math.min(30, Math.max(1, this.#parts.everySeconds / 10)) * 1000;
    const look = () => {
      if (this.#lookingAround) return;
      this.#lookingAround = true;
      this.#lookAround()
        .catch((error) => {
          if (!this.#closed) this.#parts.log.warn({ err: error }, 'looking for clusters to verify failed');
        })
        .finally(() => {
          this.#lookingAround = false;
        });
    };
    this.#timer = setInterval(look, pause);
    this.#timer.unref();
  }

  /** Resolves when it is begun; false when another is under way, or the cluster is not Active. */
  async begin(clusterId: string, options: { readonly force?: boolean } = {}): Promise<boolean> {
    if (!this.enabled || this.#closed) return false;
    if (options.force) await this.stop(clusterId);
    const id = await beginVerification(this.#parts.db, clusterId, { staleSeconds, ...options });
    if (id === undefined) return false;
    const stop = new AbortController();
    const done = this.#verify(id, clusterId, stop.signal).catch((error) => {
      this.#parts.log.warn({ err: error, cluster: clusterId }, 'verifying a cluster failed');
    });
    const entry = { stop, done };
    this.#underWay.set(clusterId, entry);
    void done.finally(() => {
      if (this.#underWay.get(clusterId) === entry) this.#underWay.delete(clusterId);
    });
    return true;
  }

  /** It has become Active: what was found before no longer holds. Never fails: the next turn comes anyway. */
  becameActive(clusterId: string): void {
    this.begin(clusterId, { force: true }).catch((error) => {
      this.#parts.log.warn({ err: error, cluster: clusterId }, 'a verification could not be begun');
    });
  }

  /** Ends the look at a cluster that goes. */
  async stop(clusterId: string): Promise<void> {
    const entry = this.#underWay.get(clusterId);
    entry?.stop.abort();
    await entry?.done;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await Promise.all([...this.#underWay.keys()].map((id) => this.stop(id)));
  }

  /** Until there is none left whose time has come, however many there are. */
  async #lookAround(): Promise<void> {
    const { db, everySeconds } = this.#parts;
    while (!this.#closed) {
      const limit = atOnce - this.#underWay.size;
      if (limit > 0) {
        const due = await clustersToVerify(db, { everySeconds, staleSeconds, limit });
        if (due.length === 0) return;
        for (const id of due) await this.begin(id);
      }
      const looks = [...this.#underWay.values()].map(({ done }) => done);
      // None: another controller was faster.
      if (looks.length > 0) await Promise.race(looks);
    }
  }

  async #verify(id: string, clusterId: string, stopped: AbortSignal): Promise<void> {
    const { db, log } = this.#parts;
    const late = AbortSignal.timeout(deadlineSeconds * 1000);
    const signal = AbortSignal.any([stopped, late]);
    const checks = await this.#look(clusterId, signal).catch((error): CheckResult[] => {
      if (!signal.aborted) log.error({ err: error, cluster: clusterId }, 'verification: Wadi itself failed');
      const description = late.aborted
        ? `The cluster could not be looked at within ${deadlineSeconds} seconds`
        : 'Wadi itself failed; the log of the controller says why';
      return [{ name: 'Check of instances accessibility', status: 'RED', description }];
    });
    if (stopped.aborted) await dropVerification(db, id);
    else await finishVerification(db, id, overallHealth(checks), checks);
  }

  async #look(clusterId: string, signal: AbortSignal): Promise<CheckResult[]> {
    const { db, access, checks = [] } = this.#parts;
    const cluster = await findCluster(db, clusterId);
    if (!cluster) return [];
    const reach = await access.reach(cluster);
    const machines = await lookAtMachines(reach, signal);
    const further = await Promise.all(checks.map((check) => check(cluster, reach, machines, signal)));
    return [...machineChecks(machines), ...further.flat()];
  }
}
