import { macAddress } from '../ids.ts';
import { neutron } from '../reply.ts';
import type { Json } from '../routes.ts';
import type { World } from '../world.ts';
import { nextAddress, parseRange, toNumber } from './addresses.ts';
import { detach } from './floating-ip-kind.ts';
import { findThing, type Kind } from './kind.ts';
import { type FixedIp, type Network, newThing, type Port, type SecurityGroup } from './neutron.ts';

const changeable = [
  'name',
  'description',
  'admin_state_up',
  'device_id',
  'device_owner',
  'security_groups',
  'port_security_enabled',
  'allowed_address_pairs',
];

export function portKind(world: World, networks: Kind<Network>, groups: Kind<SecurityGroup>): Kind<Port> {
  const { neutron: state } = world;

  function checkGroups(ids: Json, project: string): string[] {
    return [...new Set<string>(ids.map((id: string) => findThing(groups, id, project).id))];
  }

  function defaultGroup(project: string): string[] {
    const all = [...state.groups.values()];
    return all
      .filter(({ name, project_id }) => name === 'default' && project_id === project)
      .map(({ id }) => id);
  }

  return {
    path: 'ports',
    one: 'port',
    many: 'ports',
    things: state.ports,
    creatable: [...changeable, 'network_id', 'fixed_ips', 'tags'],
    changeable,
    show: () => ({ extra_dhcp_opts: [], 'binding:vnic_type': 'normal' }),
    create(fields, project) {
      const network = findThing(networks, fields.network_id, project);
      if (network.project_id !== project && !network.shared)
        throw neutron(403, 'HTTPForbidden', `Tenant ${project} not allowed to create port on this network`);
      const isSecured = fields.port_security_enabled ?? network.port_security_enabled;
      const given = fields.security_groups ?? (isSecured ? defaultGroup(project) : []);
      if (!isSecured && given.length > 0)
        throw neutron(
          409,
          'PortSecurityAndIPRequiredForSecurityGroups',
          'Port security must be enabled and port must have an IP address in order to use security groups.',
        );
      return {
        ...newThing(project, fields),
        tags: [...(fields.tags ?? [])],
        network_id: network.id,
        mac_address: macAddress(),
        status: 'DOWN',
        admin_state_up: fields.admin_state_up ?? true,
        fixed_ips: fixedIps(world, network, fields.fixed_ips),
        device_id: fields.device_id ?? '',
        device_owner: fields.device_owner ?? '',
        security_groups: checkGroups(given, project),
        port_security_enabled: isSecured,
        allowed_address_pairs: fields.allowed_address_pairs ?? [],
        'binding:vnic_type': 'normal',
      };
    },
    change(port, changes) {
      const { security_groups } = changes;
      if (security_groups) changes.security_groups = checkGroups(security_groups, port.project_id);
      const after = { ...port, ...changes };
      if (!after.port_security_enabled && after.security_groups.length > 0)
        throw neutron(
          409,
          'PortSecurityPortHasSecurityGroup',
          'Port has security group associated. Cannot disable port security or IP address until security group is removed.',
        );
      Object.assign(port, changes);
    },
    remove({ id, device_owner }) {
      if (device_owner.startsWith('network:router'))
        throw neutron(
          409,
          'ServicePortInUse',
          `Port ${id} cannot be deleted directly via the port API: has device owner ${device_owner}.`,
        );
      const floating = state.floatingIpOf(id);
      if (floating) detach(world, floating);
    },
  };
}

function fixedIps({ neutron: state }: World, network: Network, wanted: Json): FixedIp[] {
  const subnets = state.subnetsOf(network.id);
  const taken = state.taken(network.id);
  if (wanted === undefined && subnets.length === 0) return [];
  return (wanted ?? [{}]).map(({ subnet_id, ip_address }: Partial<FixedIp>) => {
    const holds = (cidr: string) => {
      const range = parseRange(cidr);
      const address = toNumber(ip_address ?? '');
      return range !== null && range.first <= address && address <= range.last;
    };
    const subnet = subnets.find((one) =>
      subnet_id !== undefined ? one.id === subnet_id : ip_address === undefined || holds(one.cidr),
    );
    if (!subnet || (ip_address !== undefined && !holds(subnet.cidr)))
      throw neutron(
        400,
        'InvalidIpForNetwork',
        'IP address is not a valid IP for any of the subnets on the specified network.',
      );
    if (ip_address !== undefined && (taken.has(ip_address) || ip_address === subnet.gateway_ip))
      throw neutron(
        409,
        'IpAddressAlreadyAllocated',
        `IP address ${ip_address} already allocated in subnet ${subnet.id}`,
      );
    const address = ip_address ?? nextAddress(subnet, taken);
    taken.add(address);
    return { subnet_id: subnet.id, ip_address: address };
  });
}
