import type { OpenStack } from '@wadi/openstack';
import type { Quota } from '../cloud.ts';

type Left = Partial<Readonly<Record<Quota, number>>>;

/** What is left to the project of everything that has a limit. */
export async function readQuotas(openstack: OpenStack): Promise<Left> {
  const [compute, network, volumes] = await Promise.all([
    openstack.offers.limits(),
    openstack.networkQuotas(),
    (await openstack.has('block-storage')) ? openstack.volumes.limits() : null,
  ]);
  const left = {
    RAM: rest(compute.maxTotalRAMSize, compute.totalRAMUsed),
    VCPU: rest(compute.maxTotalCores, compute.totalCoresUsed),
    instance: rest(compute.maxTotalInstances, compute.totalInstancesUsed),
    'floating ip': restOf(network.floatingip),
    'security group': restOf(network.security_group),
    'security group rule': restOf(network.security_group_rule),
    port: restOf(network.port),
    ...(volumes
      ? {
          volume: rest(volumes.maxTotalVolumes, volumes.totalVolumesUsed),
          'volume storage': rest(volumes.maxTotalVolumeGigabytes, volumes.totalGigabytesUsed),
        }
      : {}),
  };
  const limited = Object.entries(left).filter(([, value]) => value !== undefined);
  return Object.fromEntries(limited) as Left;
}

function restOf({ limit, used, reserved }: { limit: number; used: number; reserved: number }) {
  return rest(limit, used + reserved);
}

/** Negative limits: none. */
function rest(limit: number, used: number): number | undefined {
  return limit < 0 ? undefined : Math.max(0, limit - used);
}
