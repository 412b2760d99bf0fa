import type { OpenStack, Port } from '@wadi/openstack';
import type { InstanceReference } from '../cloud.ts';
import { readClusterNetwork } from './cluster-network.ts';
import { type EntranceSettings, poolOf } from './entrance.ts';
import { deleteFloatingIpOf, ensureFloatingIp } from './floating-ips.ts';
import { findDoor } from './security-groups.ts';
import { findServer } from './servers.ts';

/**
 * A floating address for a machine that had none, and the group that lets the controller in. An address that it has already
 * is no way to see to. Changes nothing the second time.
 */
export async function giveWayIn(
  openstack: OpenStack,
  reference: InstanceReference,
  settings: EntranceSettings,
): Promise<{ address: string; port: null }> {
  const { port, door } = await portAndDoor(openstack, reference);
  const network = await readClusterNetwork(openstack, port.network_id);
  const pool = poolOf({ floatingIpPool: null }, settings, network);
  if (pool === null) throw new Error(`network ${port.network_id} has no router that leads outside`);
  await setGroups(openstack, port, [...new Set([...port.security_groups, door])]);
  const address = await ensureFloatingIp(openstack, { ...reference, pool, port: port.id });
  return { address, port: null };
}

export async function takeWayIn(openstack: OpenStack, reference: InstanceReference): Promise<void> {
  await deleteFloatingIpOf(openstack, reference);
  const { port, door } = await portAndDoor(openstack, reference);
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
