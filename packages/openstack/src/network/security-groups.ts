import { type Static, Type } from 'typebox';
import type { DeleteOptions, Service } from '../service/service.ts';
import type { CallOptions } from '../wire/call.ts';
import { Resource } from './resource.ts';

const NullableText = Type.Union([Type.String(), Type.Null()]);
const NullableInteger = Type.Union([Type.Integer(), Type.Null()]);

export const SecurityGroupRule = Type.Object({
  id: Type.String(),
  security_group_id: Type.String(),
  direction: Type.String(),
  ethertype: NullableText,
  /** `tcp`, `udp`, `icmp`, a number; null: any. */
  protocol: NullableText,
  port_range_min: NullableInteger,
  port_range_max: NullableInteger,
  remote_ip_prefix: NullableText,
  remote_group_id: NullableText,
  description: Type.Optional(NullableText),
});
export type SecurityGroupRule = Static<typeof SecurityGroupRule>;

export interface NewSecurityGroupRule {
  readonly security_group_id: string;
  readonly direction: 'ingress' | 'egress';
  readonly ethertype: 'IPv4' | 'IPv6';
  readonly protocol?: string;
  /** From 1 to 65,535 is any port; it is null in the answer then. */
  readonly port_range_min?: number;
  readonly port_range_max?: number;
  /** CIDR. */
  readonly remote_ip_prefix?: string;
  readonly remote_group_id?: string;
  readonly description?: string;
}

export interface SecurityGroupRuleFilter {
  readonly security_group_id?: string;
  readonly direction?: 'ingress' | 'egress';
}

export const SecurityGroup = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: Type.String(),
  project_id: Type.String(),
  /** ISO 8601; absent: Neutron was told not to keep it. */
  created_at: Type.Optional(Type.String()),
  security_group_rules: Type.Array(SecurityGroupRule),
  tags: Type.Array(Type.String()),
});
export type SecurityGroup = Static<typeof SecurityGroup>;

export interface NewSecurityGroup {
  readonly name: string;
  readonly description?: string;
}

export interface SecurityGroupFilter {
  readonly name?: string;
  readonly description?: string;
}

/** A new one lets everything out, and nothing in. */
export class SecurityGroups extends Resource<typeof SecurityGroup, NewSecurityGroup, SecurityGroupFilter> {
  constructor(network: Service) {
    const names = { path: 'security-groups', one: 'security_group', many: 'security_groups' };
    super(network, names, SecurityGroup);
  }
}

const RuleAnswer = Type.Object({ security_group_rule: SecurityGroupRule });

/** They cannot be changed, and Neutron lets nobody tag them. */
export class SecurityGroupRules {
  readonly #network: Service;

  constructor(network: Service) {
    this.#network = network;
  }

  /** The same rule again is a CONFLICT of the type `SecurityGroupRuleExists`. */
  async create(rule: NewSecurityGroupRule, options: CallOptions = {}): Promise<SecurityGroupRule> {
    const body = { security_group_rule: rule };
    const request = { ...options, method: 'POST', path: ['security-group-rules'], body } as const;
    return (await this.#network.ask(RuleAnswer, request)).security_group_rule;
  }

  async list(filter: SecurityGroupRuleFilter = {}, options: CallOptions = {}): Promise<SecurityGroupRule[]> {
    const request = { ...options, path: ['security-group-rules'], query: { ...filter, limit: 500 } };
    return await this.#network.list('security_group_rules', SecurityGroupRule, request);
  }

  async delete(id: string, options?: DeleteOptions): Promise<void> {
    await this.#network.remove(['security-group-rules', id], options);
  }
}
