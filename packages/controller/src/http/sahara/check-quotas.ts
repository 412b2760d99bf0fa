import { ApiError, type FieldPath } from '@wadi/api';
import { type CloudQuestions, type Quota, quotaNames } from '../../clouds/cloud.ts';
import type { NodeGroupValues } from '../../clusters/node-group.ts';

interface Wanted {
  /** Negative: so many go before others come. */
  readonly count: number;
  readonly values: NodeGroupValues;
  /** Where in the request it stands. */
  readonly where: FieldPath;
}

/** SSH, and the traffic inside of the group by TCP and UDP. */
const rulesOfAutoGroup = 3;

/** Whether there is room for these machines, asked before anything of them is made; `multiplier`: the field, if any. */
export async function checkQuotas(
  cloud: CloudQuestions,
  projectId: string,
  groups: readonly Wanted[],
  multiplier: readonly FieldPath[] = [],
): Promise<void> {
  const left = await cloud.quotas?.(projectId);
  if (!left) return;
  const flavors = new Map((await cloud.flavors?.(projectId))?.map((flavor) => [flavor.id, flavor]));
  const wanted = Object.fromEntries(quotaNames.map((name) => [name, 0])) as Record<Quota, number>;
  for (const { count, values } of groups) {
    const flavor = flavors.get(String(values.flavor_id));
    wanted.RAM += count * (flavor?.ram ?? 0);
    wanted.VCPU += count * (flavor?.vcpus ?? 0);
    wanted.instance += count;
    wanted.port += count;
    if (values.floating_ip_pool) wanted['floating ip'] += count;
    if (values.auto_security_group && count > 0) {
      wanted['security group'] += 1;
      wanted['security group rule'] += rulesOfAutoGroup;
    }
    wanted.volume += count * values.volumes_per_node;
    wanted['volume storage'] += count * values.volumes_per_node * (values.volumes_size ?? 0);
  }
  for (const name of quotaNames) {
    const available = left[name];
    if (available === undefined || wanted[name] <= available) continue;
    throw new ApiError(
      400,
      'QUOTA_ERROR',
      `Quota exceeded for ${name}: Requested ${wanted[name]}, but available ${available}`,
      { fields: [...multiplier, ...groups.map(({ where }) => [...where, 'count'])] },
    );
  }
}
