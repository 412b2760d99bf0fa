import type { AccessMethod } from '@wadi/api';
import type { CommandHop, NetnsHop, RelaySetting } from '@wadi/indirect-access';

/** What is known of a cluster's machines: all that a route is planned from. */
export interface ClusterFacts {
  readonly clusterId: string;
  readonly clusterName: string;
  readonly instances: readonly InstanceFacts[];
}

/**
 * `drained`: nothing new goes through it. `promoted`: it serves as a proxy though its node group does not say so. `fenced`:
 * nothing is opened to it at all.
 */
export type Duty = 'drained' | 'promoted' | 'fenced';

export interface InstanceFacts {
  readonly id: string;
  readonly name: string;
  readonly nodeGroupId: string;
  readonly nodeGroupName: string;
  /** Place of its node group in the cluster, and its own place in the group: the order of preference. */
  readonly groupPosition: number;
  readonly index: number;
  /** Its node group says so. */
  readonly isProxy: boolean;
  /** Absent: nothing but what its node group says. */
  readonly duty?: Duty;
  readonly internalIp: string | null;
  /** Absent: none. */
  readonly floatingIp?: string | null;
  /** Address that the controller can dial; null: none. */
  readonly managementIp: string | null;
  readonly sshPort: number;
  readonly managementPort: number | null;
  readonly loginUser: string | null;
  /** Id of the secret with the private key; null: not there yet. */
  readonly credential: string | null;
  /** Pinned OpenSSH public keys. */
  readonly hostKeys: readonly string[];
}

/** How one of several proxies is chosen: `first`, the seed's, is the first in order that works. */
export type ProxyPolicy = 'balanced' | 'first';

/** How a cluster may be reached; what its owner and the controller's configuration say. */
export interface AccessSettings {
  /** Networks that the controller may dial (CIDR). Absent: any. */
  readonly allow?: readonly string[];
  /** Absent: by the management address. */
  readonly entrance?: Entrance;
  readonly relay: RelaySetting;
  /** The key of a machine without pinned keys is taken and pinned at the first contact. */
  readonly trustFirstContact: boolean;
  readonly proxyPolicy: ProxyPolicy;
  /** A machine that can be dialled too is reached without a proxy when that was measured to be faster. */
  readonly directWhenFaster: boolean;
}

/** How the first machine of a route is dialled. */
export type Entrance =
  | { readonly method: 'fixed_ip' | 'floating_ip' | 'agent' }
  | { readonly method: 'netns' | 'proxy_command'; readonly hop: NetnsHop | CommandHop }
  /** The settings do not suffice. */
  | { readonly method: AccessMethod; readonly problem: string };
