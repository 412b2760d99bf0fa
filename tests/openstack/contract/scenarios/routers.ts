import assert from 'node:assert/strict';
import type { Stage } from '../stage.ts';
import { makeNetwork, outsideNetwork } from './make-network.ts';
import { refused, unknownId } from './refused.ts';
import { live, vanish } from './resource.ts';

/** A router from a network to the outside, and a floating IP for a port. */
export async function routers(stage: Stage): Promise<void> {
  const { openstack, after } = stage;
  const outside = await outsideNetwork(stage);
  const { network, subnet } = await makeNetwork(stage);
  const gateway = { network_id: outside.id };
  const router = await live(stage, openstack.routers, {
    make: { name: 'contract', description: 'of a test', external_gateway_info: gateway },
    change: { name: 'contract-changed' },
    filters: [{ name: 'contract-changed' }, { description: 'of a test' }],
  });
  assert.equal(router.external_gateway_info?.network_id, outside.id);
  const removed = await openstack.routers.update(router.id, { external_gateway_info: null });
  assert.equal(removed.external_gateway_info, null);
  await openstack.routers.update(router.id, { external_gateway_info: gateway });

  after(() => openstack.routers.removeInterface(router.id, subnet.id, { missingOk: true }));
  const port = await openstack.ports.create({ network_id: network.id, name: 'contract' });
  after(() => openstack.ports.delete(port.id, { missingOk: true }));
  const early = { floating_network_id: outside.id, port_id: port.id };
  await refused(openstack.floatingIps.create(early), 'NOT_FOUND', 'ExternalGatewayForFloatingIPNotFound');

  const portId = await openstack.routers.addInterface(router.id, subnet.id);
  const own = { device_id: router.id, device_owner: 'network:router_interface' };
  assert.deepEqual(
    (await openstack.ports.list(own)).map(({ id }) => id),
    [portId],
  );
  await refused(openstack.routers.addInterface(router.id, subnet.id), 'BAD_REQUEST', 'BadRequest');
  await refused(openstack.routers.addInterface(router.id, unknownId), 'NOT_FOUND', 'SubnetNotFound');
  await refused(openstack.routers.delete(router.id), 'CONFLICT', 'RouterInUse');

  const address = await live(stage, openstack.floatingIps, {
    make: { floating_network_id: outside.id, description: 'contract' },
    change: { port_id: port.id, fixed_ip_address: port.fixed_ips[0]?.ip_address ?? '' },
    filters: [
      { description: 'contract' },
      { port_id: port.id },
      { description: 'contract', floating_network_id: outside.id },
    ],
  });
  assert.equal(address.router_id, router.id);
  const { floating_ip_address } = address;
  assert.equal((await openstack.floatingIps.list({ floating_ip_address })).length, 1);
  const exact = { floating_network_id: outside.id, floating_ip_address };
  await refused(openstack.floatingIps.create(exact), 'FORBIDDEN', 'PolicyNotAuthorized');
  const gone = openstack.floatingIps.create({ floating_network_id: network.id });
  await refused(gone, 'BAD_REQUEST', 'BadRequest');
  await refused(
    openstack.routers.removeInterface(router.id, subnet.id),
    'CONFLICT',
    'RouterInterfaceInUseByFloatingIP',
  );
  assert.equal((await openstack.floatingIps.update(address.id, { port_id: null })).port_id, null);
  await vanish(openstack.floatingIps, address.id);

  await openstack.routers.removeInterface(router.id, subnet.id);
  await openstack.routers.removeInterface(router.id, subnet.id, { missingOk: true });
  await refused(openstack.routers.removeInterface(router.id, subnet.id), 'NOT_FOUND');
  await vanish(openstack.routers, router.id);
}
