import type { Route } from '@wadi/indirect-access';
import { dueForTrial } from './choose-route.ts';
import type { AccessSettings, ClusterFacts } from './cluster-facts.ts';
import { planRoutes, proxiesOf } from './plan-routes.ts';
import type { RouteSelector } from './route-selector.ts';
import { type Way, waysToProxy } from './way.ts';

export interface ProxyProberParts {
  readonly selector: RouteSelector;
  connect(route: Route, signal: AbortSignal): Promise<unknown>;
  now(): number;
  random(): number;
}

/** Milliseconds between two looks at what is due. */
const tick = 250;
/** Milliseconds for which a cluster counts as in use. */
const inUse = 300_000;
/** Milliseconds, about, after which a proxy of a cluster in use is looked at though nothing went through it. */
const idle = 30_000;

interface Used {
  readonly facts: ClusterFacts;
  readonly settings: AccessSettings;
  readonly at: number;
}

/**
 * Looks at proxies on its own: at one that is down when its back-off is over, so that it comes back by itself, and at one
 * that is idle while its cluster is in use, so that its death is known before it is needed. One connection each, and
 * never two to one proxy.
 */
export class ProxyProber {
  readonly #parts: ProxyProberParts;
  readonly #used = new Map<string, Used>();
  /** By the key of a way to a proxy: when an idle one is looked at next. */
  readonly #next = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(parts: ProxyProberParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => this.#look(), tick).unref();
  }

  /** To be called with each use of a cluster. */
  use(facts: ClusterFacts, settings: AccessSettings): void {
    this.#used.set(facts.clusterId, { facts, settings, at: this.#parts.now() });
  }

  /** Machines that go, or are not what they were: their clusters are looked at again from their next use on. */
  forget(machineIds: readonly string[]): void {
    const gone = new Set(machineIds);
    for (const [clusterId, { facts }] of this.#used)
      if (facts.instances.some(({ id }) => gone.has(id))) this.#used.delete(clusterId);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#used.clear();
  }

  #look(): void {
    const { now } = this.#parts;
    const wanted = new Set<string>();
    for (const [clusterId, { facts, settings, at }] of this.#used) {
      if (now() - at > inUse) this.#used.delete(clusterId);
      else
        for (const proxy of proxiesOf(facts))
          this.#lookAt(waysToProxy(planRoutes(facts, proxy, settings)), wanted);
    }
    for (const key of this.#next.keys()) if (!wanted.has(key)) this.#next.delete(key);
  }

  #lookAt(ways: readonly Way[], wanted: Set<string>): void {
    const { selector, now, random } = this.#parts;
    const { health } = selector;
    const well = ways.find(({ steps }) => health.isClosed(steps));
    const due = dueForTrial(ways, health, now());
    if (due) this.#probe(due);
    if (!well || due) return;
    wanted.add(well.key);
    const entry = health.of(well.steps.at(-1) ?? '');
    const next = this.#next.get(well.key);
    // What is open is watched by its keepalives.
    const later = () => this.#next.set(well.key, now() + idle * (0.5 + random()));
    if (next === undefined || (entry?.open ?? 0) > 0) later();
    else if (next <= now()) {
      later();
      this.#probe(well);
    }
  }

  #probe(way: Way): void {
    void this.#parts.selector.probe(way, (route, signal) => this.#parts.connect(route, signal));
  }
}
