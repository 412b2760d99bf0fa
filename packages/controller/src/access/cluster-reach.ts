import type { AccessMethod } from '@wadi/api';
import { AccessError, type IndirectAccess, type Route } from '@wadi/indirect-access';
import type { AccessSettings, ClusterFacts, InstanceFacts } from './cluster-facts.ts';
import { NoRouteError } from './no-route-error.ts';
import { planRoutes } from './plan-routes.ts';

/** A cluster's machines at one moment, and what can be done on them. Cheap; made for each operation. */
export class ClusterReach {
  readonly indirect: IndirectAccess;
  readonly facts: ClusterFacts;
  readonly #settings: AccessSettings;

  constructor(indirect: IndirectAccess, facts: ClusterFacts, settings: AccessSettings) {
    this.indirect = indirect;
    this.facts = facts;
    this.#settings = settings;
  }

  /** How the controller gets to those that it dials. */
  get method(): AccessMethod {
    return this.#settings.entrance?.method ?? 'fixed_ip';
  }

  /** By name or id. */
  find(nameOrId: string): InstanceFacts | undefined {
    const id = nameOrId.toLowerCase();
    return this.facts.instances.find((each) => each.name === nameOrId || each.id === id);
  }

  routes(instance: InstanceFacts): readonly Route[] {
    return planRoutes(this.facts, instance, this.#settings);
  }

  /**
   * Routes to ports of the machine. The controller itself dials nothing but sshd: what it can dial may be an address of
   * its own (the sandbox's are), where other ports are other people's. So a machine without a proxy before it is
   * entered, and the port opened from within.
   */
  portRoutes(instance: InstanceFacts): readonly Route[] {
    return this.routes(instance).map((route) => {
      if (route.hops.length > 1) return route;
      const { machine } = route;
      const within = { kind: 'ssh', machine, relay: this.#settings.relay } as const;
      const host = instance.internalIp ?? machine.host;
      return { hops: [route.hops[0], within], machine: { ...machine, host } };
    });
  }

  /** Opens a session by the first route that works, and says which. */
  open(instance: InstanceFacts, signal?: AbortSignal): Promise<Route> {
    return this.through(
      instance,
      async (route) => {
        await this.indirect.connect(route, signal ? { signal } : {});
        return route;
      },
      signal,
    );
  }

  /**
   * Does `work` by the first route that works. The next one is tried only after an error that says that nothing can
   * have happened on the machine (`retryable`), so nothing is ever done twice. A connection that had died unnoticed
   * says nothing about its route: when no other works, that is tried again, over a new one. When all fail, the error
   * that came furthest along its route is thrown: it tells most.
   */
  async through<T>(
    instance: InstanceFacts,
    work: (route: Route) => Promise<T>,
    signal?: AbortSignal,
    routes: readonly Route[] = this.routes(instance),
  ): Promise<T> {
    const failures = new Map<Route, AccessError>();
    const again = () => routes.filter((route) => wasStale(failures.get(route)));
    for (const candidates of [() => routes, again]) {
      for (const route of candidates()) {
        try {
          return await work(route);
        } catch (error) {
          if (!(error instanceof AccessError) || !error.retryable || signal?.aborted) throw error;
          failures.set(route, error);
        }
      }
    }
    const [furthest] = [...failures].sort((a, b) => hopReached(...b) - hopReached(...a));
    throw furthest?.[1] ?? new NoRouteError(this.facts, instance, this.#settings);
  }
}

/** How many machines of the route were passed before the one that failed. */
function hopReached(route: Route, error: AccessError): number {
  if (error.hop === route.machine.name) return route.hops.length;
  return route.hops.findIndex((hop) => hop.kind === 'ssh' && hop.machine.name === error.hop);
}

/**
 * The connection was there before and opened no channel any more; it is not in the pool now. (One that is known to be
 * lost is replaced by the pool itself.)
 */
function wasStale(error: AccessError | undefined): boolean {
  return error?.code === 'TIMEOUT' && error.phase === 'channel';
}
