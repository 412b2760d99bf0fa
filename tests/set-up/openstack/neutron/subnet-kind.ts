import { neutron } from '../reply.ts';
import type { World } from '../world.ts';
import { parseRange, toText } from './addresses.ts';
import { findThing, type Kind } from './kind.ts';
import type { Network, Subnet } from './neutron.ts';
import { newThing } from './neutron.ts';

export function subnetKind({ neutron: state }: World, networks: Kind<Network>): Kind<Subnet> {
  return {
    path: 'subnets',
    one: 'subnet',
    many: 'subnets',
    things: state.subnets,
    creatable: [
      'network_id',
      'name',
      'description',
      'cidr',
      'ip_version',
      'gateway_ip',
      'enable_dhcp',
      'dns_nameservers',
    ],
    changeable: ['name', 'description', 'gateway_ip', 'enable_dhcp', 'dns_nameservers'],
    isShared: ({ network_id }) => state.networks.get(network_id)?.shared ?? false,
    show: ({ cidr }) => {
      const range = parseRange(cidr);
      const pool = range ? [{ start: toText(range.first + 2), end: toText(range.last - 1) }] : [];
      return {
        allocation_pools: pool,
        host_routes: [],
        subnetpool_id: null,
        ipv6_ra_mode: null,
        ipv6_address_mode: null,
      };
    },
    create(fields, project) {
      const network = findThing(networks, fields.network_id, project);
      const range = parseRange(fields.cidr);
      if (!range || fields.ip_version !== 4)
        throw neutron(
          400,
          'InvalidInput',
          `Invalid input for operation: '${fields.cidr}' is not a valid IPv4 subnet.`,
        );
      const overlaps = state.subnetsOf(network.id).some((other) => {
        const taken = parseRange(other.cidr);
        return taken && taken.first <= range.last && range.first <= taken.last;
      });
      if (overlaps)
        throw neutron(
          400,
          'InvalidInput',
          `Invalid input for operation: Requested subnet with cidr: ${range.cidr} for network: ${network.id} overlaps with another subnet.`,
        );
      return {
        ...newThing(project, fields),
        network_id: network.id,
        cidr: range.cidr,
        ip_version: 4,
        gateway_ip: fields.gateway_ip === undefined ? toText(range.first + 1) : fields.gateway_ip,
        enable_dhcp: fields.enable_dhcp ?? true,
        dns_nameservers: fields.dns_nameservers ?? [],
      };
    },
    change: Object.assign,
    remove({ id }) {
      const used = [...state.ports.values()].some(({ fixed_ips }) =>
        fixed_ips.some((one) => one.subnet_id === id),
      );
      if (used)
        throw neutron(
          409,
          'SubnetInUse',
          `Unable to complete operation on subnet ${id}: One or more ports have an IP allocation from this subnet.`,
        );
    },
  };
}
