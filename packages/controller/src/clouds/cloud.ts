import type { AccessMethod } from '@wadi/api';
import type { MarkedResources } from './marked-resources.ts';

/**
 * Where instances come from. Every method may be called twice with the same arguments (a workflow step that was
 * interrupted runs again) and then does nothing new: `findOrCreate…` finds, `delete…` of what is gone succeeds.
 */
export interface Cloud {
  readonly name: string;

  /** Problems that make the cluster impossible here, found before anything is made. Empty: none. */
  validate(plan: ClusterPlan): Promise<readonly Problem[]>;

  /** Brings the machine into being and returns what is known of it. The signal ends the waiting for it. */
  findOrCreateInstance(request: InstanceRequest, signal?: AbortSignal): Promise<CloudInstance>;

  deleteInstance(reference: InstanceReference): Promise<void>;

  /** Removes whatever the cluster has left: machines that no row tells of, groups, addresses. */
  deleteCluster(cluster: ClusterReference): Promise<void>;

  /** Removes machines of the cluster that are none of these, by the cloud's ids; absent: there can be none. */
  removeStrangers?(cluster: ClusterReference, known: readonly string[]): Promise<void>;

  /** What access methods ask about the cluster's network. Absent: nothing to tell. */
  findNetworkFacts?(plan: ClusterPlan): Promise<NetworkFacts>;

  /** After a controller's restart: brings back what died with the process. Clouds of their own have nothing to do. */
  resume(): Promise<void>;

  close(): Promise<void>;

  /**
   * Its machines were there before and stay when their instances go: they are taken from a pool that somebody filled, and
   * go back to it. What runs on them has to be ended.
   */
  readonly keepsMachines?: boolean;

  /** Its machines let in the key that they were made with and show one host key, for good. */
  readonly hasFixedKeys?: boolean;

  /** Machines have the disks that their node groups ask for: what is on them is for nobody else to decide. */
  readonly attachesVolumes?: boolean;

  /** Why its clusters are never scaled; absent: they are. */
  readonly cannotScale?: string;

  /**
   * The host keys that a machine told by a way that nobody else can write to, which was there before anybody could log in.
   * Empty: it did not, or not where one can still read it. `cloudInstanceId` names the machine. Absent: there is no such way.
   */
  hostKeysOf?(reference: InstanceReference): Promise<readonly string[]>;

  /** Whether the machine is switched on; absent: nobody can tell. Changes nothing. */
  powerOf?(reference: InstanceReference): Promise<Power>;

  /**
   * Sees to it that the controller can dial a machine that is to serve as a proxy, and says where. Null: by an address that
   * it has already, as the cluster's access method has it. Throws when that cannot be. Absent: nothing to see to.
   */
  promoteToProxy?(
    reference: InstanceReference & Pick<ClusterPlan, 'accessMethod'>,
  ): Promise<{ address: string; port: number | null } | null>;

  /** Takes that back. */
  demoteProxy?(reference: InstanceReference): Promise<void>;

  /** Without which no cluster can be made here; absent: nothing. */
  readonly requires?: readonly ('image' | 'network')[];

  /** By which what is left of clusters that are gone is found; absent: nothing can be left. */
  readonly marked?: MarkedResources;

  // What requests may refer to, as the project sees it. Absent: the cloud has no such things, and does not mind.
  images?(projectId: string): Promise<readonly CloudImage[]>;
  flavors?(projectId: string): Promise<readonly Flavor[]>;
  networks?(projectId: string): Promise<readonly Network[]>;
  /** The public key (OpenSSH) of the pair that whoever asks has under this name; null: that one has none. */
  keyPair?(asking: Asking, name: string): Promise<string | null>;
  /** Names and ids. */
  securityGroups?(projectId: string): Promise<readonly string[]>;
  /** Names. */
  volumeTypes?(projectId: string): Promise<readonly string[]>;
  zones?(
    projectId: string,
  ): Promise<{ readonly machines: readonly string[]; readonly volumes: readonly string[] }>;
  /** What is left of each; absent: as much as one likes. */
  quotas?(projectId: string): Promise<Partial<Readonly<Record<Quota, number>>>>;
}

/** Whose own things are looked at. */
export interface Asking {
  readonly projectId: string;
  /** With which the request came. Never kept. */
  readonly token: string | null;
}

/** What it is asked before anything is made. */
export type CloudQuestions = Omit<
  Cloud,
  | 'findOrCreateInstance'
  | 'deleteInstance'
  | 'deleteCluster'
  | 'removeStrangers'
  | 'promoteToProxy'
  | 'demoteProxy'
  | 'powerOf'
  | 'hostKeysOf'
  | 'resume'
  | 'close'
>;

/** In its place where it has answered already, and must not be waited for again. */
export function answered({ name, keepsMachines = false }: CloudQuestions): CloudQuestions {
  return { name, keepsMachines, validate: async () => [] };
}

/** `gone`: there is no such machine. */
export type Power = 'on' | 'off' | 'gone';

export interface CloudImage {
  readonly id: string;
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** GB. */
  readonly minDisk: number;
  /** MB. */
  readonly minRam: number;
  readonly created: string;
  readonly updated: string;
}

export interface Flavor {
  readonly id: string;
  readonly name: string;
  /** MB. */
  readonly ram: number;
  readonly vcpus: number;
  /** GB. */
  readonly disk: number;
}

export interface Network {
  readonly id: string;
  readonly name: string;
  /** Gives floating addresses. */
  readonly external: boolean;
}

/** In the words in which Sahara tells that there is not enough; in its order. */
export const quotaNames = [
  'RAM',
  'VCPU',
  'instance',
  'floating ip',
  'security group',
  'security group rule',
  'port',
  'volume',
  'volume storage',
] as const;
export type Quota = (typeof quotaNames)[number];

/** One thing wrong with a request; becomes a 400 of the Sahara shape. */
export interface Problem {
  /** e.g. `INVALID_REFERENCE`, `NOT_FOUND`, `QUOTA_ERROR`. */
  readonly errorName: string;
  readonly message: string;
  readonly hint?: string;
  /** What of the node groups it is, by the name it has in requests. */
  readonly field?: 'flavor_id' | 'image_id' | 'count';
  /** Names of those that have it; absent: all. */
  readonly nodeGroups?: readonly string[];
}

export interface ClusterReference {
  readonly projectId: string;
  readonly clusterId: string;
}

export function referenceTo({
  id,
  project_id,
}: {
  readonly id: string;
  readonly project_id: string;
}): ClusterReference {
  return { projectId: project_id, clusterId: id };
}

export interface ClusterPlan extends ClusterReference {
  readonly clusterName: string;
  /** Those that are to be made or to grow. */
  readonly nodeGroups: readonly NodeGroupPlan[];
  /** That many such clusters are asked for at once, with all of their machines in the groups; absent: one. */
  readonly clusters?: number;
  /** Any of the cluster's machines is one: then no other is dialled. */
  readonly hasProxy: boolean;
  /** Id of the network that its machines are on; null: nobody named one. */
  readonly networkId: string | null;
  /** Public key of whoever asked for the cluster, who is let in too; null: nobody is. */
  readonly userKey: string | null;
  /** Node processes whose machines are kept on different hosts. */
  readonly antiAffinity: readonly string[];
  /** How the controller gets to those that it dials; null: nobody knows yet. */
  readonly accessMethod: AccessMethod | null;
}

export interface NodeGroupPlan {
  readonly name: string;
  readonly count: number;
  readonly isProxy: boolean;
  readonly flavorId: string;
  readonly imageId: string | null;
  readonly processes: readonly string[];
  /** Id of the network that gives each machine a floating address; null: nobody named one. */
  readonly floatingIpPool: string | null;
  /** Names or ids of groups besides those that the cloud makes. */
  readonly securityGroups: readonly string[];
  readonly zone: string | null;
  /** Disks of each machine. */
  readonly volumes: VolumePlan | null;
  /** Null: it starts from a disk of its host. */
  readonly bootVolume: { readonly type: string | null } | null;
}

export interface VolumePlan {
  readonly count: number;
  /** GB. */
  readonly size: number;
  readonly type: string | null;
}

/** What the templates of access methods call `tenant_id`, `network_id` and `router_id`; absent: there is none. */
export interface NetworkFacts {
  readonly tenant_id?: string;
  readonly network_id?: string;
  readonly router_id?: string;
}

export interface InstanceRequest extends ClusterReference {
  readonly plan: ClusterPlan;
  readonly clusterName: string;
  readonly instanceId: string;
  /** `<cluster>-<group>-<index>`; also the host name. */
  readonly name: string;
  readonly nodeGroup: NodeGroupPlan;
  readonly index: number;
  /** OpenSSH public key that must be let in; ignored where machines exist already. */
  readonly authorizedKey: string;
  /** Who logs in, as its image was registered; null: nobody said. */
  readonly loginUser: string | null;
  /** Already pinned; empty: none is. */
  readonly hostKeys: readonly string[];
  /**
   * Makes the shell command with which the machine dials in when it starts for the first time; it is good once, and for a
   * quarter of an hour. Absent: it does not dial in.
   */
  inviteAgent?(): Promise<string>;
  /**
   * Makes the host key of a machine that has no way to tell its own; the same each time. Whoever can read what the machine is
   * started with has it, too: the machine makes another one after the first contact.
   */
  hostIdentity(): Promise<HostIdentity>;
}

export interface HostIdentity {
  /** In OpenSSH's format. */
  readonly privateKey: string;
  readonly publicKey: string;
}

export interface CloudInstance {
  readonly cloudInstanceId: string;
  /** Address inside the cluster's network. */
  readonly internalIp: string;
  /** Address outside of that network which leads to it; absent: none. */
  readonly floatingIp?: string | null;
  /** Address that the controller can dial; null: only reachable through a proxy. */
  readonly managementIp: string | null;
  /** Where its sshd listens at `internalIp`. */
  readonly sshPort: number;
  /** Where it answers at `managementIp`; null: at `sshPort` too. */
  readonly managementPort: number | null;
  readonly loginUser: string;
  /** OpenSSH public keys known before the first contact; empty: unknown. */
  readonly hostKeys: readonly string[];
  /** Who vouches for the keys above. */
  readonly hostKeySource: 'cloud' | 'injected' | 'given' | 'first-contact';
  /** Secret with the private key to use; null: the cluster's management key. */
  readonly credentialSecretId: string | null;
}

export interface InstanceReference extends ClusterReference {
  readonly instanceId: string;
  readonly cloudInstanceId: string | null;
  readonly name: string;
}
