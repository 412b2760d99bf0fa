import type { OpenStack, Port } from '@wadi/openstack';
import type { ClusterPlan, InstanceReference } from '../cloud.ts';
import { readClusterNetwork } from './cluster-network.ts';
import { type EntranceSettings, poolOf } from './entrance.ts';
import { deleteFloatingIp, ensureFloatingIp } from './floating-ips.ts';
import { type Mark, promotionDescription } from './names.ts';
import type { Requesting } from './open-requests.ts';
import { findDoor } from './security-groups.ts';
import { findServer } from './servers.ts';

/**
 * The group that lets the controller in, and, where it dials floating addresses, one of them: the machine's own, or one that
 * it has until this is taken back. Null: it is dialled by an address that it has already. Changes nothing the second time.
 */
export async function giveWayIn(
  openstack: OpenStack,
  reference: InstanceReference & Pick<ClusterPlan, 'accessMethod'>,
  settings: EntranceSettings & Mark & Requesting,
): Promise<{ address: string; port: null } | null> {
  const { port, door } = await portAndDoor(openstack, reference);
  await setGroups(openstack, port, [...new Set([...port.security_groups, door])]);
  if (reference.accessMethod !== 'floating_ip') return null;
  const [own] = await openstack.floatingIps.list({ port_id: port.id });
  if (own) return { address: own.floating_ip_address, port: null };
  const network = await readClusterNetwork(openstack, port.network_id);
  const pool = poolOf({ floatingIpPool: null }, settings, network);
  if (pool === null) throw new Error(`network ${port.network_id} has no router that leads outside`);
  const { clusterId, instanceId } = reference;
  const description = promotionDescription(clusterId, instanceId);
  const { installationId, openRequests } = settings;
  const wanted = { ...reference, installationId, openRequests, pool, port: port.id, description };
  return { address: await ensureFloatingIp(openstack, wanted), port: null };
}

/** What it had before stays. */
export async function takeWayIn(openstack: OpenStack, reference: InstanceReference): Promise<void> {
  const { clusterId, instanceId } = reference;
  await deleteFloatingIp(openstack, promotionDescription(clusterId, instanceId));
  const { port, door } = await portAndDoor(openstack, reference);
  if ((await openstack.floatingIps.list({ port_id: port.id })).length > 0) return;
  const others = port.security_groups.filter((id) => id !== door);
  await setGroups(openstack, port, others);
}

async function portAndDoor(openstack: OpenStack, reference: InstanceReference) {
  const server = await findServer(openstack, reference.instanceId);
  if (!server) throw new Error(`${reference.name} has no server`);
  const [port] = await openstack.ports.list({ device_id: server.id });
  const door = await findDoor(openstack, reference);
  if (!port || !door)
    throw new Error(`${reference.name} lacks a ${port ? 'group that lets the controller in' : 'port'}`);
  return { port, door: door.id };
}

async function setGroups(openstack: OpenStack, port: Port, groups: readonly string[]): Promise<void> {
  if (groups.length === port.security_groups.length) return;
  await openstack.ports.update(port.id, { security_groups: groups });
}
