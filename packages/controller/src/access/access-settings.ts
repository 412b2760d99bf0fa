import {
  type AccessMethod,
  accessMethods,
  accessRelays,
  type AccessSettings as OwnSettings,
} from '@wadi/api';
import {
  AccessError,
  type CommandHop,
  parseCommandTemplate,
  type RelaySetting,
  usedKeys,
} from '@wadi/indirect-access';
import type { AccessSettings, Entrance, ProxyPolicy } from './cluster-facts.ts';

/** What an admin allowed for the whole controller. */
export interface AccessPolicy {
  /** Networks (CIDR) in which first hops of inventory clusters may lie. */
  readonly allowNetworks: readonly string[];
  /** For clusters that have no method of their own. Absent: fixed_ip. */
  readonly method?: AccessMethod;
  /** For clusters that have no command of their own. */
  readonly proxyCommand?: string | null;
  /** Words before `ip netns exec`. */
  readonly rootWrapper?: readonly string[];
  /** Machines may dial in. */
  readonly agents?: boolean;
}

/** What settings are read with. */
export interface AccessCluster {
  readonly cloud: string;
  readonly project_id: string;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly access: Readonly<Record<string, unknown>>;
}

/** The settings stored with a cluster, as far as they make sense, bounded by what the admin allowed for its cloud. */
export function accessSettings(cluster: AccessCluster, policy: AccessPolicy): AccessSettings {
  const allow = dialableNetworks(cluster.cloud, policy);
  const relay = relayOf(cluster);
  const trustFirstContact = cluster.access.trust_first_contact === true;
  const proxyPolicy: ProxyPolicy = cluster.access.proxy_policy === 'first' ? 'first' : 'balanced';
  const directWhenFaster = cluster.access.direct_when_faster === true;
  const entrance = entranceOf(cluster, policy, { allow, relay });
  return { allow, entrance, relay, trustFirstContact, proxyPolicy, directWhenFaster };
}

/** The sandbox's machines are on this computer and nowhere else; the addresses of an inventory are user input. */
export function dialableNetworks(cloud: string, policy: AccessPolicy): readonly string[] {
  return isHere(cloud) ? ['127.0.0.1/32'] : policy.allowNetworks;
}

/** Its machines are part of this very process. */
export function isHere(cloud: string): boolean {
  return cloud === 'sandbox' || cloud === 'fake';
}

/** A program on a machine that is part of this process would dial from this computer itself, out of the sandbox. */
function relayOf({ cloud, access }: AccessCluster): RelaySetting {
  if (isHere(cloud)) return 'direct-tcpip';
  return accessRelays.find((each) => each === access.relay) ?? 'auto';
}

export function methodOf({ cloud, access }: AccessCluster, policy: AccessPolicy): AccessMethod {
  if (isHere(cloud)) return 'fixed_ip';
  return accessMethods.find((each) => each === access.method) ?? policy.method ?? 'fixed_ip';
}

export function commandOf({ access }: AccessCluster, policy: AccessPolicy): string | null {
  return textOf(access.proxy_command) ?? policy.proxyCommand ?? null;
}

/** Neutron's routers have namespaces of this name. */
export function namespaceOf({ access }: AccessCluster): string | null {
  const router = textOf(access.router_id);
  return textOf(access.namespace) ?? (router === null ? null : `qrouter-${router}`);
}

function entranceOf(
  cluster: AccessCluster,
  policy: AccessPolicy,
  { allow, relay }: Pick<AccessSettings, 'allow' | 'relay'>,
): Entrance {
  const method = methodOf(cluster, policy);
  if (method === 'agent' && !policy.agents)
    return {
      method,
      problem: 'the access method agent needs a controller that takes agents (--agent-listen)',
    };
  if (method === 'fixed_ip' || method === 'floating_ip' || method === 'agent') return { method };
  const bounds = allow ? { allow } : {};
  if (method === 'netns') {
    const namespace = namespaceOf(cluster);
    if (namespace === null)
      return { method, problem: 'the access method netns needs a router_id or a namespace' };
    const { rootWrapper = [] } = policy;
    const program = relay === 'direct-tcpip' ? 'auto' : relay;
    return { method, hop: { kind: 'netns', namespace, rootWrapper, relay: program, ...bounds } };
  }
  const hop = commandHop(cluster, policy);
  return typeof hop === 'string' ? { method, problem: hop } : { method, hop: { ...hop, ...bounds } };
}

/** The hop, or what is wrong with the settings that it is made from. */
function commandHop(cluster: AccessCluster, policy: AccessPolicy): CommandHop | string {
  const command = commandOf(cluster, policy);
  if (command === null) return 'the access method proxy_command needs a proxy_command';
  const { access, project_id, spec } = cluster;
  const values: Record<string, string> = {};
  const say = (key: string, value: unknown) => {
    if (typeof value === 'string') values[key] = value;
  };
  say('tenant_id', access.tenant_id ?? project_id);
  say('network_id', access.network_id ?? spec?.neutron_management_network);
  say('router_id', access.router_id);
  try {
    const words = parseCommandTemplate(command);
    const lacking = [...usedKeys(words)].filter(
      (key) => key !== 'host' && key !== 'port' && !(key in values),
    );
    if (lacking.length > 0) return `the proxy_command needs ${lacking.join(' and ')}, which nobody said`;
    return { kind: 'command', words, values };
  } catch (error) {
    if (error instanceof AccessError) return error.message;
    throw error;
  }
}

/** What of it users may set and see; the rest of the column is how the machines were imported. */
export function ownSettings(access: Readonly<Record<string, unknown>>): OwnSettings {
  const { trust_first_contact: _, ...settings } = access;
  return settings;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
