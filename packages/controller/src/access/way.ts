import type { Route } from '@wadi/indirect-access';
import { routeSteps, type Step } from './route-steps.ts';

/** A route as a candidate: what its health is asked by. */
export interface Way {
  readonly route: Route;
  readonly steps: readonly Step[];
  /** Of the session it leads to, whatever port is wanted: what loyalty goes by. */
  readonly key: string;
  /** Ways of one rank are as good as each other; a lower one comes first. */
  readonly rank: number;
  /** Without a proxy. */
  readonly isDirect: boolean;
}

/**
 * By which a proxy serves others: those of the first rank. That it can also be reached through its neighbour helps nobody
 * behind it.
 */
export function waysToProxy(routes: readonly Route[]): readonly Way[] {
  return waysOf(routes).filter(({ rank }) => rank === 0);
}

/** In the order of preference in which they were planned, those of one length together. */
export function waysOf(routes: readonly Route[], port?: number): readonly Way[] {
  let rank = 0;
  return routes.map((route, index) => {
    const before = routes[index - 1];
    if (before && before.hops.length !== route.hops.length) rank += 1;
    const jumps = route.hops.filter((hop) => hop.kind === 'ssh' && hop.machine.id !== route.machine.id);
    const key = routeSteps(route).join(' ');
    return { route, steps: routeSteps(route, port), key, rank, isDirect: jumps.length === 0 };
  });
}
