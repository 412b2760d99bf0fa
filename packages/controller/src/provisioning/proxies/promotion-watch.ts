import { servesAsProxy } from '../../access/plan-routes.ts';
import type { ProxyState } from '../../access/proxy-states.ts';
import { type ClusterRow, findCluster } from '../../storage/clusters.ts';
import { beginActing, clustersToWatch, endActing, noteLook, secondsLost } from '../../storage/proxy-watch.ts';
import { isInUse, type PromotionParts, promoteMachine } from './promote-machine.ts';

export interface PromotionWatchParts extends PromotionParts {
  readonly controllerId: string;
}

/** Milliseconds between two looks. */
const interval = 2_000;
/** Seconds that seeking a machine may take, and milliseconds until the next try when there was none. */
const patience = 60;
const pause = 30_000;
/** Seconds, unless the cluster has it otherwise. */
const defaultPromoteAfter = 60;

/**
 * Promotes a machine in clusters that allow it, when for so long no controller has known of a proxy that can be used. All
 * controllers look; one acts.
 */
export class PromotionWatch {
  readonly #parts: PromotionWatchParts;
  readonly #acting = new Map<string, Promise<void>>();
  /** By cluster: when a machine was sought in vain. */
  readonly #inVain = new Map<string, number>();
  readonly #over = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #looking: Promise<void> | undefined;

  constructor(parts: PromotionWatchParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => {
      this.#looking ??= this.#look()
        .catch((error) => parts.log.warn({ err: error }, 'looking for clusters without a proxy failed'))
        .finally(() => {
          this.#looking = undefined;
        });
    }, interval);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#over.abort();
    await this.#looking;
    await Promise.all(this.#acting.values());
  }

  async #look(): Promise<void> {
    const { db, access, clouds } = this.#parts;
    for (const id of await clustersToWatch(db)) {
      if (this.#over.signal.aborted) return;
      const cluster = await findCluster(db, id);
      if (!cluster) continue;
      const proxies = await access.watchProxies(cluster);
      const usable = areUsable(proxies);
      const lost = await noteLook(db, id, usable);
      if (usable) this.#inVain.delete(id);
      if (usable || lost < promoteAfter(cluster) || !clouds.has(cluster.cloud)) continue;
      if (this.#acting.has(id) || performance.now() - (this.#inVain.get(id) ?? -pause) < pause) continue;
      const until = await beginActing(db, id, patience + 30);
      if (until === undefined) continue;
      const lostOnes = proxies.filter(({ proxy }) => servesAsProxy(proxy)).map(({ proxy }) => proxy.id);
      const acting = this.#act(cluster, new Set(lostOnes), until)
        .catch((error) => this.#parts.log.warn({ err: error, cluster: id }, 'promoting a machine failed'))
        .finally(() => this.#acting.delete(id));
      this.#acting.set(id, acting);
    }
  }

  /** `judged`: the proxies that cannot be used; others would be fenced unseen. */
  async #act(cluster: ClusterRow, judged: ReadonlySet<string>, until: string): Promise<void> {
    const { db, events, log, controllerId } = this.#parts;
    const signal = AbortSignal.any([this.#over.signal, AbortSignal.timeout(patience * 1000)]);
    try {
      const end = await promoteMachine(this.#parts, {
        ...{ cluster, fence: true, signal },
        by: { who: 'wadi', controller: controllerId },
        stillWanted: async (tx, instances) => {
          if (instances.some((each) => isInUse(each) && !judged.has(each.id))) return false;
          const now = await findCluster(tx, cluster.id);
          if (now?.access.promotion !== 'automatic') return false;
          return (await secondsLost(tx, cluster.id)) >= promoteAfter(now);
        },
      });
      log.info({ cluster: cluster.id, end: end.kind }, 'no proxy can be used');
      if (end.kind !== 'none') return;
      if (!this.#inVain.has(cluster.id)) {
        const body = { problems: end.problems.slice(0, 20) };
        events.emit({
          projectId: cluster.project_id,
          clusterId: cluster.id,
          type: 'proxy.none-to-promote',
          body,
        });
      }
      this.#inVain.set(cluster.id, performance.now());
    } finally {
      await endActing(db, cluster.id, until);
    }
  }
}

function promoteAfter({ access }: ClusterRow): number {
  const { promote_after_seconds: seconds } = access;
  return typeof seconds === 'number' ? seconds : defaultPromoteAfter;
}

/** What an operator has drained was not lost; where all that is left is fenced, one is missing. */
function areUsable(proxies: readonly ProxyState[]): boolean {
  const inUse = proxies.filter(({ proxy }) => servesAsProxy(proxy));
  if (inUse.length === 0) return !proxies.some(({ proxy }) => proxy.duty === 'fenced');
  return inUse.some(({ state }) => state === 'up' || state === 'unknown');
}
