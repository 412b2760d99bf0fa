import { AccessError, type Route } from '@wadi/indirect-access';
import type { RouteHealth } from './route-health.ts';
import type { Way } from './way.ts';

/** Ways named in one message. */
const most = 8;

/**
 * What is thrown when every way failed: the failure that came furthest along its route, for it tells most, with the others
 * named after it. A way that was not tried because it is known to be broken is told of by why that is known.
 */
export function noWayError(
  ways: readonly Way[],
  failureOf: (way: Way) => AccessError | undefined,
  health: RouteHealth,
): AccessError {
  const failures = ways.flatMap((way) => {
    const error = failureOf(way) ?? health.notClosed(way.steps).find(({ cause }) => cause)?.cause;
    return error ? [{ route: way.route, error }] : [];
  });
  const [furthest, ...others] = failures.sort((a, b) => hopReached(b) - hopReached(a));
  if (!furthest) return new AccessError('there is no way', { code: 'NETWORK_UNREACHABLE', retryable: true });
  const { error } = furthest;
  const further = [...new Set(others.map((each) => each.error.message))].filter(
    (text) => text !== error.message,
  );
  if (further.length === 0) return error;
  const more = further.length > most ? `; and ${further.length - most} more` : '';
  const { code, hop, phase, hint, reason, retryable } = error;
  return new AccessError(`${error.message}; other ways: ${further.slice(0, most).join('; ')}${more}`, {
    code,
    ...(hop === undefined ? {} : { hop }),
    ...(phase === undefined ? {} : { phase }),
    ...(hint === undefined ? {} : { hint }),
    reason,
    retryable,
    cause: error,
  });
}

/** How many machines of the route were passed before the one that failed. */
function hopReached({ route, error }: { readonly route: Route; readonly error: AccessError }): number {
  if (error.hop === route.machine.name) return route.hops.length;
  return route.hops.findIndex((hop) => hop.kind === 'ssh' && hop.machine.name === error.hop);
}
