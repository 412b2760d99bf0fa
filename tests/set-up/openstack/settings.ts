/** How a stand-in behaves; a test may change them while it runs. Times are milliseconds. */
export interface Settings {
  /** From BUILD to ACTIVE. */
  activeAfter: number;
  /** From a deletion's 204 to the 404. */
  goneAfter: number;
  /** Of a power action, and of a floating IP's status. */
  changedAfter: number;
  /** Seconds that a token counts. */
  tokenLifetime: number;
  /** Compute hosts: so many servers can be kept apart. */
  hosts: number;
  readonly zones: string[];
  readonly microversions: { lowest: number; highest: number };
  /** Of a listing. */
  mostPerPage: number;
  /** Whether the catalog has Cinder. */
  blockStorage: boolean;
  /** Of every project; -1: no limit. */
  readonly computeQuota: Record<ComputeQuota, number>;
  readonly networkQuota: Record<NetworkQuota, number>;
  readonly volumeQuota: { volumes: number; gigabytes: number };
}

export type ComputeQuota =
  | 'instances'
  | 'cores'
  | 'ram'
  | 'key_pairs'
  | 'server_groups'
  | 'server_group_members';
export type NetworkQuota =
  | 'network'
  | 'subnet'
  | 'port'
  | 'router'
  | 'floatingip'
  | 'security_group'
  | 'security_group_rule';

export function defaultSettings(): Settings {
  return {
    activeAfter: 20,
    goneAfter: 20,
    changedAfter: 10,
    tokenLifetime: 3600,
    hosts: 16,
    zones: ['nova'],
    microversions: { lowest: 1, highest: 93 },
    mostPerPage: 1000,
    blockStorage: false,
    computeQuota: {
      instances: -1,
      cores: -1,
      ram: -1,
      key_pairs: 100,
      server_groups: 10,
      server_group_members: 10,
    },
    networkQuota: {
      network: 100,
      subnet: 100,
      port: -1,
      router: 10,
      floatingip: -1,
      security_group: -1,
      security_group_rule: -1,
    },
    volumeQuota: { volumes: 10, gigabytes: 1000 },
  };
}
