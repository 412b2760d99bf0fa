import type { AccessSettings, ClusterFacts, InstanceFacts } from './cluster-facts.ts';
import { planRoutes } from './plan-routes.ts';
import type { RouteHealth } from './route-health.ts';
import { waysOf } from './way.ts';

/** The machines that would be left without a route on which nothing is known to be broken if this one was drained. */
export function strandedWithout(
  facts: ClusterFacts,
  settings: AccessSettings,
  health: RouteHealth,
  { id }: InstanceFacts,
): readonly InstanceFacts[] {
  const instances = facts.instances.map((each): InstanceFacts => {
    return each.id === id ? { ...each, duty: 'drained' } : each;
  });
  const without = { ...facts, instances };
  return instances.filter((each) => {
    if (each.id === id || each.duty === 'fenced') return false;
    const through = planRoutes(facts, each, settings).some(({ hops }) =>
      hops.some((hop) => hop.kind === 'ssh' && hop.machine.id === id),
    );
    const left = waysOf(planRoutes(without, each, settings));
    return through && !left.some(({ steps }) => health.isClosed(steps));
  });
}
