import type { ProxyPolicy } from './cluster-facts.ts';
import type { RouteHealth } from './route-health.ts';
import type { Way } from './way.ts';

export interface Preferences {
  /** `balanced`: the less busy and faster of two. `first`: the first in order, as the seed has it. */
  readonly policy: ProxyPolicy;
  /** A way without a proxy is taken when it was measured to be faster. */
  readonly directWhenFaster: boolean;
}

/** A direct way must be faster by that much: else the two would take turns. */
const clearly = 0.8;
/** Milliseconds for which somebody without another way waits, at all and after a first failure. */
const patience = 2_000;
const patienceAfterFirst = 1_000;

/** Of the ways on which nothing is known to be broken; undefined: there is none. Measures at most two. */
export function chooseHealthy(
  ways: readonly Way[],
  machineId: string,
  { policy, directWhenFaster }: Preferences,
  health: RouteHealth,
  random: () => number,
): Way | undefined {
  const healthy = ways.filter(({ steps }) => health.isClosed(steps));
  if (policy === 'first' || healthy.length < 2) return healthy[0];
  const loyal =
    healthy.find(({ key }) => health.isLast(machineId, key)) ??
    healthy.find(({ key }) => health.isWarm(machineId, key));
  const direct = directWhenFaster
    ? healthy.find((way) => way.isDirect && isMeasured(way, health))
    : undefined;
  const proxied = healthy.filter(({ rank }) => rank === healthy[0]?.rank);
  if (direct) {
    const other = loyal ?? draw(proxied, random)[0];
    return other && !isFaster(direct, other, health) ? other : direct;
  }
  if (loyal) return loyal;
  const [one, other] = draw(proxied, random);
  return one && other ? lighter(one, other, health) : one;
}

export type Trial =
  | { readonly kind: 'trial'; readonly way: Way }
  /** Until then, or until something changes on these ways. */
  | { readonly kind: 'wait'; readonly until: number }
  | { readonly kind: 'none' };

/**
 * When something on every way is known to be broken: the one whose next trial is due soonest is tried, by one; who comes
 * meanwhile waits for what that finds. Nobody waits for a second one: that there is no way is said then. `asked`: when
 * the way was first wanted.
 */
export function chooseTrial(ways: readonly Way[], health: RouteHealth, now: number, asked: number): Trial {
  let underWay = false;
  let soonest: { way: Way; due: number; onDemand: number; failures: number } | undefined;
  for (const way of ways) {
    const broken = health.notClosed(way.steps);
    if (broken.some(({ state }) => state === 'half-open')) {
      underWay = true;
      continue;
    }
    const due = Math.max(...broken.map((circuit) => circuit.due));
    if (soonest && soonest.due <= due) continue;
    const onDemand = Math.max(...broken.map((circuit) => circuit.dueOnDemand));
    const failures = Math.max(...broken.map((circuit) => circuit.failures));
    soonest = { way, due, onDemand, failures };
  }
  if (soonest && soonest.due <= now) return { kind: 'trial', way: soonest.way };
  if (underWay) return { kind: 'wait', until: Number.POSITIVE_INFINITY };
  if (!soonest) return { kind: 'none' };
  if (soonest.onDemand <= now) return { kind: 'trial', way: soonest.way };
  // What failed for the first time may only have been restarted, and be it by whoever asks.
  if (soonest.failures < 2 && soonest.due - now <= patienceAfterFirst)
    return { kind: 'wait', until: soonest.due };
  if (soonest.onDemand - asked <= patience) return { kind: 'wait', until: soonest.onDemand };
  return { kind: 'none' };
}

/** One that could be looked at again while nobody depends on it. */
export function dueForTrial(ways: readonly Way[], health: RouteHealth, now: number): Way | undefined {
  return ways.find(({ steps }) => {
    const broken = health.notClosed(steps);
    return broken.length > 0 && broken.every(({ state, due }) => state === 'open' && due <= now);
  });
}

/** Two different ones, or all there are. */
function draw(ways: readonly Way[], random: () => number): readonly Way[] {
  if (ways.length < 3) return ways;
  const first = Math.floor(random() * ways.length);
  const second = (first + 1 + Math.floor(random() * (ways.length - 1))) % ways.length;
  return [ways[first] as Way, ways[second] as Way];
}

function isMeasured({ steps }: Way, health: RouteHealth): boolean {
  return health.of(steps.at(-1) ?? '')?.latency !== undefined;
}

function isFaster(direct: Way, other: Way, health: RouteHealth): boolean {
  const mine = health.latency(direct.steps);
  const its = health.latency(other.steps);
  return mine !== undefined && its !== undefined && mine < its * clearly;
}

/** By the time that one more would take: what is under way, times what each takes. */
function lighter(one: Way, other: Way, health: RouteHealth): Way {
  const a = health.latency(one.steps);
  const b = health.latency(other.steps);
  const known = a !== undefined && b !== undefined;
  const cost = (way: Way, latency: number) => (health.load(way.steps) + 1) * (known ? latency : 1);
  return cost(one, a ?? 1) <= cost(other, b ?? 1) ? one : other;
}
