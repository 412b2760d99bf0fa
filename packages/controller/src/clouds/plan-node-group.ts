import type { NodeGroupValues } from '../clusters/node-group.ts';
import type { NodeGroupPlan } from './cloud.ts';

/** What a cloud is told of a node group. */
export function planNodeGroup(
  { name, count }: { readonly name: string; readonly count: number },
  values: NodeGroupValues,
  defaultImage: string | null,
): NodeGroupPlan {
  const { volumes_per_node: disks, volumes_size: size } = values;
  return {
    name,
    count,
    isProxy: values.is_proxy === true,
    flavorId: String(values.flavor_id),
    imageId: values.image_id ?? defaultImage,
    processes: values.node_processes,
    floatingIpPool: values.floating_ip_pool,
    securityGroups: values.security_groups ?? [],
    zone: values.availability_zone,
    volumes: disks > 0 ? { count: disks, size: size ?? 0, type: values.volume_type } : null,
    bootVolume: values.boot_from_volume ? { type: values.boot_volume_type } : null,
  };
}
