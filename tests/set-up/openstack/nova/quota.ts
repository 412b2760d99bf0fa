import { nova } from '../reply.ts';
import type { World } from '../world.ts';
import type { Flavor } from './nova.ts';

export function usage(
  { nova: state }: World,
  project: string,
): { instances: number; cores: number; ram: number } {
  const servers = state.serversOf(project);
  return {
    instances: servers.length,
    cores: servers.reduce((sum, { flavor }) => sum + flavor.vcpus, 0),
    ram: servers.reduce((sum, { flavor }) => sum + flavor.ram, 0),
  };
}

/** For one server more. */
export function checkServerQuota(world: World, project: string, { vcpus, ram }: Flavor): void {
  const used = usage(world, project);
  const limits = world.settings.computeQuota;
  for (const [name, more] of Object.entries({ instances: 1, cores: vcpus, ram })) {
    const [has, limit] = [used[name as keyof typeof used], limits[name as keyof typeof used]];
    if (limit >= 0 && has + more > limit)
      throw nova(
        403,
        `Quota exceeded for ${name}: Requested ${more}, but already used ${has} of ${limit} ${name}`,
      );
  }
}
