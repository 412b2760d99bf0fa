import type { AccessError, PoolStats } from '@wadi/indirect-access';
import type { AccessSettings, ClusterFacts, InstanceFacts } from './cluster-facts.ts';
import { byPlace, planRoutes } from './plan-routes.ts';
import type { RouteHealth } from './route-health.ts';
import type { Step } from './route-steps.ts';
import { waysToProxy } from './way.ts';

export interface ProxyState {
  readonly proxy: InstanceFacts;
  /** `unknown`: it was not used yet. `trying`: it was down, and is being tried now. */
  readonly state: 'up' | 'down' | 'trying' | 'unknown';
  /** Milliseconds on the clock of the health; undefined while unknown. */
  readonly since: number | undefined;
  readonly latency: number | undefined;
  /** Channels that are open on it or through it. */
  readonly channels: number;
  /** Open to it. */
  readonly connections: number;
  /** Machines with an open connection through it. */
  readonly machines: number;
  /** Why it is down. */
  readonly cause: AccessError | undefined;
}

/** What is known of each machine that is a proxy, or was or may be one, by the best way to it. */
export function proxyStates(
  facts: ClusterFacts,
  settings: AccessSettings,
  health: RouteHealth,
  { connections }: PoolStats,
  also?: string,
): readonly ProxyState[] {
  const channels = new Map<string, number>();
  const counts = new Map<string, number>();
  for (const { machine, sessions, streams } of connections) {
    channels.set(machine, (channels.get(machine) ?? 0) + sessions + streams);
    counts.set(machine, (counts.get(machine) ?? 0) + 1);
  }
  const proxies = facts.instances
    .filter(({ id, isProxy, duty }) => isProxy || duty !== undefined || id === also)
    .sort(byPlace);
  return proxies.map((proxy) => {
    const ways = waysToProxy(planRoutes(facts, proxy, settings)).map(({ steps }) => wayState(steps, health));
    const best = order.map((state) => ways.find((way) => way.state === state)).find((way) => way) ?? nothing;
    const { steps, ...state } = best;
    const into = steps.at(-1);
    const machines = into === undefined ? 0 : health.machinesBehind(into);
    const open = { channels: channels.get(proxy.id) ?? 0, connections: counts.get(proxy.id) ?? 0 };
    return { proxy, ...state, ...open, machines };
  });
}

const order = ['up', 'trying', 'down', 'unknown'] as const;

type WayState = Pick<ProxyState, 'state' | 'since' | 'latency' | 'cause'> & {
  readonly steps: readonly Step[];
};

const nothing: WayState = {
  state: 'unknown',
  since: undefined,
  latency: undefined,
  cause: undefined,
  steps: [],
};

function wayState(steps: readonly Step[], health: RouteHealth): WayState {
  const latency = health.latency(steps);
  const [broken] = health.notClosed(steps);
  if (broken) {
    const state = broken.state === 'half-open' ? 'trying' : 'down';
    return { state, since: broken.since, latency, cause: broken.cause, steps };
  }
  const last = health.of(steps.at(-1) ?? '')?.circuit;
  if (last?.proven === undefined) return { ...nothing, latency, steps };
  return { state: 'up', since: last.since, latency, cause: undefined, steps };
}
