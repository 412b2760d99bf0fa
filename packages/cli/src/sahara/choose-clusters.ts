import { usageError } from '../command-error.ts';
import type { SaharaCluster } from './sahara-clusters.ts';

/** Those of these names or ids. A name that several projects have needs the id. */
export function chooseClusters(all: readonly SaharaCluster[], wanted: readonly string[]): SaharaCluster[] {
  const chosen = wanted.map((given) => {
    const found = all.filter(({ id, name }) => id === given || name === given);
    const [first] = found;
    if (!first) {
      const names = all.slice(0, 20).map(({ name }) => name);
      throw usageError(
        `Sahara has no cluster ${given}`,
        names.length > 0 ? `It has: ${names.join(', ')}` : 'It has no cluster at all.',
      );
    }
    if (found.length > 1)
      throw usageError(
        `Sahara has ${found.length} clusters named ${given}`,
        `Name it by its id: ${found.map(({ id, tenant }) => `${id} (project ${tenant})`).join(', ')}`,
      );
    return first;
  });
  return [...new Set(chosen)];
}
