import type { RelaySetting } from '@wadi/indirect-access';
import type { AccessSettings } from './cluster-facts.ts';

/** What an admin allowed for the whole controller. */
export interface AccessPolicy {
  /** Networks (CIDR) in which first hops of inventory clusters may lie. */
  readonly allowNetworks: readonly string[];
}

const relays: readonly RelaySetting[] = ['auto', 'direct-tcpip', 'nc', 'ncat', 'socat', 'devtcp'];

/** The settings stored with a cluster, as far as they make sense, bounded by what the admin allowed for its cloud. */
export function accessSettings(
  cluster: { cloud: string; access: Readonly<Record<string, unknown>> },
  policy: AccessPolicy,
): AccessSettings {
  const relay = relays.find((each) => each === cluster.access.relay) ?? 'auto';
  const trustFirstContact = cluster.access.trust_first_contact === true;
  return { allow: dialableNetworks(cluster.cloud, policy), relay, trustFirstContact };
}

/** The sandbox's machines are on this computer and nowhere else; the addresses of an inventory are user input. */
export function dialableNetworks(cloud: string, policy: AccessPolicy): readonly string[] {
  return cloud === 'sandbox' || cloud === 'fake' ? ['127.0.0.1/32'] : policy.allowNetworks;
}
