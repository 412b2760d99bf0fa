import type { ClusterProblem, InstanceVerdict } from '@wadi/api';

/** What is wrong, with all machines that it concerns: a dead proxy is one line, not two hundred. */
export function clusterProblems(verdicts: readonly InstanceVerdict[]): ClusterProblem[] {
  const away = verdicts.filter(({ reachable }) => reachable === false);
  // The proxy itself belongs to those that are cut off by it.
  const shared = new Set(away.flatMap(({ hop, instance_name }) => (hop === instance_name ? [] : [hop])));
  const groups = new Map<string, ClusterProblem>();
  for (const { instance_name: name, code, reason, hop, phase, message, hint } of away) {
    const at = shared.has(hop) ? hop : null;
    const key = JSON.stringify([at, code, reason, phase]);
    const group = groups.get(key);
    if (group) group.instances.push(name);
    else
      groups.set(key, { code: code ?? 'INTERNAL', reason, hop: at, phase, message, hint, instances: [name] });
  }
  return [...groups.values()].sort((a, b) => b.instances.length - a.instances.length);
}
