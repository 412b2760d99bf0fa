import type { AccessMethod } from '@wadi/api';
import { AccessError, type IndirectAccess, type Route } from '@wadi/indirect-access';
import type { AccessSettings, ClusterFacts, InstanceFacts } from './cluster-facts.ts';
import { NoRouteError, type NoRouteReason, whyNoRoute } from './no-route-error.ts';
import { planRoutes } from './plan-routes.ts';
import type { RouteSelector, Selection } from './route-selector.ts';
import { waysOf } from './way.ts';

type Work<T> = (route: Route) => Promise<T>;

/** A way to one of the machines is being sought. */
export type OnUse = () => void;

/** Something was to be done on the machine, and this came of it: of several routes on the one that came furthest. */
export type OnFailure = (instance: InstanceFacts, error: AccessError, route: Route) => void;

/** A cluster's machines at one moment, and what can be done on them. Cheap; made for each operation. */
export class ClusterReach {
  readonly indirect: IndirectAccess;
  readonly facts: ClusterFacts;
  readonly #settings: AccessSettings;
  readonly #selector: RouteSelector;
  readonly #onUse: OnUse | undefined;
  readonly #onFailure: OnFailure | undefined;

  constructor(
    indirect: IndirectAccess,
    facts: ClusterFacts,
    settings: AccessSettings,
    selector: RouteSelector,
    told: { readonly onUse?: OnUse; readonly onFailure?: OnFailure } = {},
  ) {
    this.#onUse = told.onUse;
    this.#onFailure = told.onFailure;
    this.indirect = indirect;
    this.facts = facts;
    this.#settings = settings;
    this.#selector = selector;
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

  /** Whether on one of its routes nothing is known to be broken. */
  hasWorkingWay(nameOrId: string): boolean {
    const instance = this.find(nameOrId);
    const ways = instance ? waysOf(this.routes(instance)) : [];
    return ways.some(({ steps }) => this.#selector.health.isClosed(steps));
  }

  /** Which fact is missing when there is no route. */
  whyNoRoute(instance: InstanceFacts): NoRouteReason {
    return whyNoRoute(this.facts, instance, this.#settings.entrance);
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

  /** Opens a session by the best route that works, and says which. */
  open(instance: InstanceFacts, signal?: AbortSignal): Promise<Route> {
    return this.through(instance, async (route) => route, signal);
  }

  /**
   * Does `work` on an open session, by the best route that works. The next one is tried only after an error that says that
   * nothing can have happened on the machine (`retryable`), so nothing is ever done twice. A connection that had died
   * unnoticed says nothing about its route: when no other works, that is tried again, over a new one.
   */
  through<T>(instance: InstanceFacts, work: Work<T>, signal?: AbortSignal): Promise<T> {
    const prepare = (route: Route, signal: AbortSignal) => this.indirect.connect(route, { signal });
    return this.#select(instance, this.routes(instance), { work, prepare, signal });
  }

  /** The same for a port of the machine; its session is opened only where the port is opened from within. */
  throughToPort<T>(instance: InstanceFacts, port: number, work: Work<T>, signal?: AbortSignal): Promise<T> {
    const prepare = async (route: Route, signal: AbortSignal, toTheEnd: boolean) => {
      if (!toTheEnd) return this.indirect.connect(untilLastJump(route), { signal });
      const tunnel = await this.indirect.tunnel(route, { port }, { signal });
      tunnel.on('error', () => {}).destroy();
      return undefined;
    };
    return this.#select(instance, this.portRoutes(instance), { work, prepare, signal }, port);
  }

  async #select<T>(
    instance: InstanceFacts,
    routes: readonly Route[],
    rest: Pick<Selection<T>, 'work' | 'prepare' | 'signal'>,
    port?: number,
  ): Promise<T> {
    this.#onUse?.();
    if (routes.length === 0) throw new NoRouteError(this.facts, instance, this.#settings);
    const { proxyPolicy: policy, directWhenFaster } = this.#settings;
    const preferences = { policy, directWhenFaster, machineId: instance.id };
    try {
      return await this.#selector.through({ ...preferences, ...rest, ways: waysOf(routes, port) });
    } catch (error) {
      // That a port of a machine does not answer says nothing about the machine.
      if (error instanceof AccessError && port === undefined && !rest.signal?.aborted)
        this.#onFailure?.(instance, error, routeOf(routes, error));
      throw error;
    }
  }
}

function untilLastJump(route: Route): Route {
  const [first, ...jumps] = route.hops;
  const last = jumps.at(-1);
  return last ? { hops: [first, ...jumps.slice(0, -1)], machine: last.machine } : route;
}

/** On which it happened, as far as the error tells. */
function routeOf(routes: readonly Route[], { hop }: AccessError): Route {
  const by = routes.find(({ hops }) => hops.some((each) => each.kind === 'ssh' && each.machine.name === hop));
  return by ?? (routes[0] as Route);
}
