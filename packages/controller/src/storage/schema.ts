import type { Right } from '@wadi/api';
import type { ColumnType, Generated, JSONColumnType } from 'kysely';
import type { AdoptionTable } from './adoption-table.ts';
import type { AgentEndpointTable, AgentKeyTable, AgentTokenTable, AgentTunnelTable } from './agent-tables.ts';
import type { Changed, Json, Stamp } from './columns.ts';
import type {
  KeyRotationMachineTable,
  KeyRotationTable,
  ReplacedSecretTable,
} from './key-rotation-tables.ts';
import type { KeyHolderTable, MasterKeyTable, SecretTable } from './key-tables.ts';

/** Every table of Wadi's own schema. The workflow engine keeps its tables in the schema `dbos`. */
export interface Schema {
  project: ProjectTable;
  api_token: ApiTokenTable;
  master_key: MasterKeyTable;
  key_holder: KeyHolderTable;
  secret: SecretTable;
  node_group_template: NodeGroupTemplateTable;
  cluster_template: ClusterTemplateTable;
  cluster: ClusterTable;
  node_group: NodeGroupTable;
  instance: InstanceTable;
  scaling: ScalingTable;
  verification: VerificationTable;
  verification_check: VerificationCheckTable;
  inventory_machine: InventoryMachineTable;
  provision_step: ProvisionStepTable;
  provision_event: ProvisionEventTable;
  event: EventTable;
  run: RunTable;
  run_target: RunTargetTable;
  run_output: RunOutputTable;
  upload: UploadTable;
  upload_target: UploadTargetTable;
  image: ImageTable;
  plugin_labels: PluginLabelsTable;
  audit: AuditTable;
  audit_chain: AuditChainTable;
  open_access: OpenAccessTable;
  agent_endpoint: AgentEndpointTable;
  agent_token: AgentTokenTable;
  agent_key: AgentKeyTable;
  agent_tunnel: AgentTunnelTable;
  instance_verdict: InstanceVerdictTable;
  proxy_duty: ProxyDutyTable;
  proxy_watch: ProxyWatchTable;
  delegation: DelegationTable;
  installation: InstallationTable;
  key_rotation: KeyRotationTable;
  key_rotation_machine: KeyRotationMachineTable;
  replaced_secret: ReplacedSecretTable;
  adoption: AdoptionTable;
  cloud_request: CloudRequestTable;
}

export interface ProjectTable {
  id: string;
  name: string;
  /** Its members may run commands as root. */
  member_root: Generated<boolean>;
  created_at: Stamp;
}

export interface ApiTokenTable {
  id: string;
  project_id: string;
  name: string;
  role: 'reader' | 'member' | 'admin';
  /** Fewer than its role has; null: all of them. */
  rights: ColumnType<Right[] | null, Right[] | null | undefined, never>;
  /** SHA-256 of the token, hex. */
  hash: string;
  created_at: Stamp;
  expires_at: Date | null;
  last_used_at: Changed;
  revoked_at: Changed;
}

export interface NodeGroupTemplateTable {
  id: string;
  project_id: string;
  name: string;
  plugin_name: string;
  plugin_version: string;
  is_public: boolean;
  is_protected: boolean;
  /** The other fields as the API has them; see clusters/node-group-template.ts. */
  spec: JSONColumnType<Json>;
  created_at: Stamp;
  updated_at: Changed;
}

export interface ClusterTemplateTable {
  id: string;
  project_id: string;
  name: string;
  plugin_name: string;
  plugin_version: string;
  is_public: boolean;
  is_protected: boolean;
  spec: JSONColumnType<Json>;
  /** In order; what the user gave stays apart from what the node group template gave. */
  node_groups: JSONColumnType<Json[]>;
  created_at: Stamp;
  updated_at: Changed;
}

export interface ClusterTable {
  id: string;
  project_id: string;
  name: string;
  plugin_name: string;
  plugin_version: string;
  cluster_template_id: string | null;
  cloud: string;
  /** Exact strings of the Sahara contract, section 4.4. */
  status: string;
  status_description: string;
  is_public: boolean;
  is_protected: boolean;
  spec: JSONColumnType<Json>;
  /** Free-form of the plugin: web UIs and the like. */
  info: JSONColumnType<Json>;
  /** How the controller reaches it: access method and its settings. */
  access: JSONColumnType<Json>;
  /** Public half of the management key; the private halves are secrets. */
  management_public_key: string | null;
  management_secret_id: string | null;
  proxy_secret_id: string | null;
  /** OpenSSH; of whoever asked for the cluster, under the name `user_keypair_id`; null: nobody's is let in. */
  user_public_key: ColumnType<string | null, string | null | undefined, string | null>;
  /** Of the plugin that it was made with (SHA-256, hex); null: not known. */
  plugin_hash: ColumnType<string | null, string | null | undefined, string | null>;
  /** Counts up with every change of state: compare-and-set. */
  revision: Generated<number>;
  created_at: Stamp;
  updated_at: Changed;
}

export interface NodeGroupTable {
  id: string;
  cluster_id: string;
  /** Place among the groups of its cluster, from 0. */
  position: number;
  name: string;
  count: number;
  is_proxy: boolean;
  node_group_template_id: string | null;
  spec: JSONColumnType<Json>;
  created_at: Stamp;
  updated_at: Changed;
}

export interface InstanceTable {
  id: string;
  cluster_id: string;
  node_group_id: string;
  /** Place in its group, from 0; part of the name. */
  index: number;
  name: string;
  /** The cloud's own id (Nova server, sandbox machine, inventory host); null until it exists. */
  cloud_instance_id: string | null;
  internal_ip: string | null;
  floating_ip: ColumnType<string | null, string | null | undefined, string | null>;
  management_ip: string | null;
  ssh_port: number;
  /** Port at `management_ip` when it differs from `ssh_port`. */
  management_port: number | null;
  login_user: string | null;
  /** Secret that holds the private key for this machine. */
  credential_secret_id: string | null;
  /** OpenSSH public keys, pinned; empty until known. */
  host_keys: JSONColumnType<string[]>;
  /**
   * `cloud` (known before first contact), `injected` (given to the machine in its user data), `given` (by the user),
   * `first-contact`; null while unknown.
   */
  host_key_source: string | null;
  /** Secret with the host key that was given to the machine; null: none, or it has made another one since. */
  injected_host_secret_id: ColumnType<string | null, string | null | undefined, string | null>;
  created_at: Stamp;
  updated_at: Changed;
}

/** A cluster's scaling: what was settled when it was asked for. */
export interface ScalingTable {
  id: string;
  cluster_id: string;
  /** See clusters/scaling.ts. */
  plan: JSONColumnType<Json>;
  created_at: Stamp;
  finished_at: Changed;
}

/** The last look at a cluster's health; one for each cluster. */
export interface VerificationTable {
  id: string;
  cluster_id: string;
  status: 'CHECKING' | 'GREEN' | 'YELLOW' | 'RED';
  created_at: Stamp;
  updated_at: Changed;
}

export interface VerificationCheckTable {
  id: string;
  verification_id: string;
  /** Place among the checks, from 0. */
  position: number;
  name: string;
  status: 'GREEN' | 'YELLOW' | 'RED';
  description: string;
  created_at: Stamp;
  updated_at: Changed;
}

/** What a user told us about a machine that exists already. */
export interface InventoryMachineTable {
  cluster_id: string;
  /** The cluster may have no such group yet. */
  node_group_name: string;
  /** Its number in the group for good, in use or not: its instance has the same. */
  index: number;
  name: string;
  is_proxy: boolean;
  /** Not part of the cluster, and left alone until a scaling takes it. */
  spare: boolean;
  address: string;
  floating_ip: ColumnType<string | null, string | null | undefined, string | null>;
  /** By which the controller reaches it when it is a proxy; null: by `address`, or not at all. */
  management_address: ColumnType<string | null, string | null | undefined, string | null>;
  ssh_port: number;
  login_user: string;
  host_keys: JSONColumnType<string[]>;
  /** `given`, `first-contact` (while it was in use before); null: no key is known. */
  host_key_source: 'given' | 'first-contact' | null;
  credential_secret_id: string;
}

/** Sahara's provision progress: a step of work. */
export interface ProvisionStepTable {
  id: string;
  cluster_id: string;
  step_name: string;
  step_type: string;
  total: number;
  successful: boolean | null;
  created_at: Stamp;
  updated_at: Changed;
}

/** … and what happened in it, per machine. */
export interface ProvisionEventTable {
  id: string;
  step_id: string;
  node_group_id: string | null;
  instance_id: string | null;
  instance_name: string | null;
  event_info: string | null;
  successful: boolean;
  created_at: Stamp;
  updated_at: Changed;
}

/** The event log: what a person waits for or suffers from. */
export interface EventTable {
  /** Ascending; what a stream resumes from. */
  sequence: Generated<string>;
  project_id: string;
  cluster_id: string | null;
  type: string;
  body: JSONColumnType<Json>;
  created_at: Stamp;
}

export interface RunTable {
  /** Chosen by the client or by us; the same id is the same run. */
  id: string;
  project_id: string;
  cluster_id: string;
  /** SHA-256 of the request, to tell a repeated POST from a different one under the same id. */
  request_digest: string;
  /** Shell text, or an argument list that is quoted for the machine's shell. */
  command: ColumnType<string | string[], string, never>;
  as_root: boolean;
  /** Standard input and environment, encrypted: they may hold secrets. Removed when the run has ended. */
  input_secret_id: string | null;
  timeout_seconds: number | null;
  max_output_bytes: number;
  status: 'running' | 'finished' | 'cancelled';
  /** Controller that executes it. */
  owner: string;
  /** Who asked for it, for the audit log. */
  asked_by: ColumnType<Json, string | undefined, never>;
  /** When somebody asked for its end. */
  cancelled_at: Changed;
  created_at: Stamp;
  finished_at: Changed;
}

export interface RunTargetTable {
  run_id: string;
  instance_id: string;
  instance_name: string;
  /** The route in words, once chosen. */
  route: string | null;
  status: 'pending' | 'running' | 'succeeded' | 'failed' | 'unreachable' | 'cancelled' | 'unknown';
  exit_status: number | null;
  signal: string | null;
  /** code, hop, phase, message, hint, retryable. */
  error: JSONColumnType<Json> | null;
  stdout_bytes: ColumnType<string, number | undefined, number>;
  stderr_bytes: ColumnType<string, number | undefined, number>;
  truncated: Generated<boolean>;
  /** The boot of the machine in which it may have begun; null: not claimed. */
  boot_id: ColumnType<string | null, undefined, string | null>;
  started_at: Changed;
  finished_at: Changed;
}

export interface RunOutputTable {
  run_id: string;
  instance_id: string;
  stream: 'stdout' | 'stderr';
  /** Byte offset of the chunk's first byte in its stream. */
  byte_offset: ColumnType<string, number, never>;
  chunk: Buffer;
}

/** A file on its way to machines. */
export interface UploadTable {
  id: string;
  project_id: string;
  cluster_id: string;
  /** Tells a repeated request from another one with the same id. */
  request_digest: string;
  path: string;
  size: ColumnType<string, number, never>;
  sha256: string;
  mode: number | null;
  as_root: boolean;
  status: 'receiving' | 'finished' | 'cancelled';
  /** Who asked for it, for the audit log. */
  asked_by: ColumnType<Json, string, never>;
  created_at: Stamp;
  /** When bytes came last: what nobody goes on with is given up. */
  touched_at: ColumnType<Date, Date | string | undefined, Date | string>;
  finished_at: Changed;
}

export interface UploadTargetTable {
  upload_id: string;
  instance_id: string;
  instance_name: string;
  status: 'receiving' | 'done' | 'failed' | 'cancelled';
  /** As the machine said last; it may have more. */
  byte_offset: ColumnType<string, number | undefined, number>;
  /** The route in words. */
  route: string | null;
  /** code, hop, phase, message, hint, retryable. */
  error: JSONColumnType<Json> | null;
  finished_at: Changed;
}

/** Who reached what; only ever added to. */
export interface AuditTable {
  project_id: string;
  /** From 1 in each project, without gaps. */
  sequence: ColumnType<string, number, never>;
  at: ColumnType<Date, Date, never>;
  /** JSON, byte for byte as it was hashed. */
  record: ColumnType<string, string, never>;
  /** SHA-256, hex; of the record before, and of this one with all before it. */
  previous: ColumnType<string, string, never>;
  hash: ColumnType<string, string, never>;
}

/** Where each project's chain of audit records begins and ends. */
export interface AuditChainTable {
  project_id: string;
  /** Of the newest record; 0 and zeros: none yet. */
  sequence: ColumnType<string, number | undefined, number>;
  hash: ColumnType<string, string | undefined, string>;
  /** Of the newest record that was removed because of its age. */
  removed_sequence: ColumnType<string, number | undefined, number>;
  removed_hash: ColumnType<string, string | undefined, string>;
}

/** An access whose begin is in the audit log, and whose end is not yet. */
export interface OpenAccessTable {
  id: string;
  /** Controller that will see its end. */
  owner: string;
  project_id: string;
  /** JSON: what its first record says. */
  about: string;
}

/** What was last found of an instance: whether it can be reached, else why not. */
export interface InstanceVerdictTable {
  instance_id: string;
  reachable: boolean;
  code: string | null;
  reason: string | null;
  hop: string | null;
  phase: string | null;
  message: string;
  hint: string | null;
  route: string | null;
  /** Since when it is found so. */
  since: Date;
  looked_at: Date;
}

/** Images of a cloud that a project registered: what Sahara keeps in the image's properties. */
export interface ImageTable {
  project_id: string;
  cloud: string;
  image_id: string;
  /** Who logs in. */
  username: string;
  description: string;
  tags: string[];
}

/** Labels that a project's admin switched; the others are as the plugin has them. */
export interface PluginLabelsTable {
  project_id: string;
  plugin_name: string;
  labels: ColumnType<PluginLabelChanges, string, string>;
}

export interface PluginLabelChanges {
  readonly plugin: Readonly<Record<string, boolean>>;
  readonly versions: Readonly<Record<string, Readonly<Record<string, boolean>>>>;
}

/** What an instance is to do besides what its node group says. */
export interface ProxyDutyTable {
  instance_id: string;
  /** `drained`: no new use of it. `promoted`: it serves as a proxy. `fenced`: no connection to it at all. */
  duty: 'drained' | 'promoted' | 'fenced';
  /** Of a promoted one: where the controller dials it; null: as its cluster's access method has it. */
  address: string | null;
  port: number | null;
  since: ColumnType<Date, Date | string | undefined, Date | string>;
  /** Of a drained one: what is open through it then is closed. */
  deadline: Date | null;
}

/** Of clusters that may have a machine promoted. */
export interface ProxyWatchTable {
  cluster_id: string;
  /** When any controller last knew of a proxy that can be used. */
  usable_at: ColumnType<Date, Date | string, Date | string>;
  /** When any controller last looked: before a gap nothing is known. */
  looked_at: ColumnType<Date, Date | string, Date | string>;
  /** Until then one controller seeks a machine to promote, and the others do not. */
  acting_until: Date | null;
}

/** A trust of Keystone by which the controller acts for a project in a member's name. */
export interface DelegationTable {
  project_id: string;
  user_id: string;
  user_name: string;
  trust_id: string;
  /** Names of the roles that it gives. */
  roles: JSONColumnType<string[]>;
  expires_at: ColumnType<Date, Date, Date>;
  renewed_at: ColumnType<Date, Date | undefined, Date>;
  /** When Keystone refused it; null: it counts. */
  dead_since: ColumnType<Date | null, null | undefined, Date | null>;
}

/** One row, made with the schema. */
export interface InstallationTable {
  id: string;
}

/** What a cloud was asked to make and has not answered. */
export interface CloudRequestTable {
  cluster_id: string;
  what: string;
  asked_at: Changed;
}
