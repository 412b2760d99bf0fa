import { neutron } from '../reply.ts';
import type { Json } from '../routes.ts';
import type { World } from '../world.ts';
import { parseRange } from './addresses.ts';
import { findThing, type Kind } from './kind.ts';
import { newThing, type Rule, type SecurityGroup } from './neutron.ts';

const what = [
  'security_group_id',
  'direction',
  'ethertype',
  'protocol',
  'port_range_min',
  'port_range_max',
  'remote_ip_prefix',
  'remote_group_id',
] as const;

export function ruleKind({ neutron: state }: World, groups: Kind<SecurityGroup>): Kind<Rule> {
  return {
    path: 'security-group-rules',
    one: 'security_group_rule',
    many: 'security_group_rules',
    things: state.rules,
    creatable: [...what, 'description'],
    changeable: [],
    show: describeRule,
    create(fields, project) {
      const group = findThing(groups, fields.security_group_id, project);
      if (fields.remote_group_id) findThing(groups, fields.remote_group_id, project);
      const rule: Rule = { ...newThing(project, fields), ...checkRule(fields), security_group_id: group.id };
      const same = [...state.rules.values()].find((other) =>
        what.every((name) => comparable(other[name]) === comparable(rule[name])),
      );
      if (same)
        throw neutron(
          409,
          'SecurityGroupRuleExists',
          `Security group rule already exists. Rule id is ${same.id}.`,
        );
      return rule;
    },
    change: () => undefined,
    remove: () => undefined,
  };
}

/** Everywhere is the same as nowhere in particular. */
function comparable(value: string | number | null): string | number | null {
  return value === '0.0.0.0/0' || value === '::/0' ? null : value;
}

/** It has neither a name nor tags. */
export function describeRule(rule: Rule): object {
  const normalized_cidr = normalized(rule.remote_ip_prefix);
  return { ...rule, name: undefined, tags: undefined, remote_address_group_id: null, normalized_cidr };
}

function normalized(prefix: string | null): string | null {
  return prefix === null ? null : (parseRange(prefix)?.cidr ?? prefix);
}

function checkRule(fields: Json): Omit<Rule, 'security_group_id' | keyof ReturnType<typeof newThing>> {
  const { direction, ethertype = 'IPv4', port_range_min = null, port_range_max = null } = fields;
  const { remote_ip_prefix = null, remote_group_id = null } = fields;
  const protocol = fields.protocol === undefined || fields.protocol === null ? null : String(fields.protocol);
  if (!['ingress', 'egress'].includes(direction) || !['IPv4', 'IPv6'].includes(ethertype))
    throw neutron(
      400,
      'HTTPBadRequest',
      `Invalid input for direction or ethertype. Reason: '${direction}', '${ethertype}'.`,
    );
  if (protocol !== null && !/^(tcp|udp|icmp|sctp|esp|ah|gre|vrrp|ipv6-icmp|\d{1,3})$/.test(protocol))
    throw neutron(
      400,
      'SecurityGroupRuleInvalidProtocol',
      `Security group rule protocol ${protocol} not supported.`,
    );
  if (remote_ip_prefix !== null && remote_group_id !== null)
    throw neutron(
      400,
      'SecurityGroupMultipleRemoteEntites',
      'Only one of remote_ip_prefix or remote_group_id or remote_address_group_id may be provided.',
    );
  const isPorts = protocol === null || ['tcp', 'udp', 'sctp', '6', '17'].includes(protocol);
  if (protocol === null && port_range_min !== null)
    throw neutron(
      400,
      'SecurityGroupProtocolRequiredWithPorts',
      'Must also specify protocol if port range is given.',
    );
  if (isPorts && ((port_range_min === null) !== (port_range_max === null) || port_range_min > port_range_max))
    throw neutron(
      400,
      'SecurityGroupInvalidPortRange',
      'For TCP/UDP protocols, port_range_min must be <= port_range_max',
    );
  const isV6 = String(remote_ip_prefix).includes(':');
  const isRange = remote_ip_prefix === null || isV6 || parseRange(remote_ip_prefix) !== null;
  if (!isRange) throw neutron(400, 'InvalidCIDR', `Invalid CIDR ${remote_ip_prefix} given as IP prefix.`);
  const isSingle = remote_ip_prefix !== null && !remote_ip_prefix.includes('/');
  const prefix = isSingle ? `${remote_ip_prefix}/${isV6 ? 128 : 32}` : remote_ip_prefix;
  if (prefix !== null && isV6 !== (ethertype === 'IPv6'))
    throw neutron(
      400,
      'SecurityGroupRuleParameterConflict',
      `Conflicting value ethertype ${ethertype} for CIDR ${prefix}`,
    );
  return {
    direction,
    ethertype,
    protocol,
    port_range_min,
    port_range_max,
    remote_ip_prefix: prefix,
    remote_group_id,
  };
}
