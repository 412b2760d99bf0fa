import { type Static, Type } from 'typebox';
import type { ClusterStatus } from './cluster-status.ts';
import { clusterTemplateFields, type NodeGroup } from './cluster-template.ts';
import { type Configs, name, nullableBoolean, nullableText, type Share, shares } from './field.ts';
import type { Verification } from './verification.ts';

const clusterFields = {
  ...clusterTemplateFields,
  is_transient: Type.Optional(Type.Boolean()),
  user_keypair_id: nullableText({ format: 'valid_keypair_name' }),
  cluster_template_id: nullableText({ format: 'uuid' }),
};

const count = (options: object = {}) =>
  Type.Integer({
    minimum: 1,
    maximum: 1000,
    description: 'Makes so many clusters, NAME-1 to NAME-count.',
    ...options,
  });

export const ClusterCreate = Type.Object(
  { ...clusterFields, count: Type.Optional(count({ 'x-since': 'v2' })) },
  { additionalProperties: false },
);
export type ClusterCreate = Static<typeof ClusterCreate>;

/** `POST /v1.1/…/clusters/multiple`. */
export const ClusterCreateMultiple = Type.Object(
  { ...clusterFields, count: count() },
  { additionalProperties: false },
);

export const ClusterUpdate = Type.Object(
  {
    description: nullableText(),
    name: Type.Optional(name()),
    is_public: nullableBoolean(),
    is_protected: nullableBoolean(),
    shares: shares(),
    verification: Type.Optional(
      Type.Object(
        { status: Type.Unsafe<'START'>({ type: 'string', enum: ['START'] }) },
        { additionalProperties: false },
      ),
    ),
    update_keypair: nullableBoolean({ 'x-since': 'v2' }),
  },
  { additionalProperties: false },
);
export type ClusterUpdate = Static<typeof ClusterUpdate>;

export const ClusterDelete = Type.Object(
  { force: Type.Optional(Type.Boolean({ description: 'Answers 200 with a body instead of 204.' })) },
  { additionalProperties: false },
);

/** A machine of a node group, as Sahara shows it; Wadi's own view with its route is `GET …/instances`. */
export interface NodeGroupInstance {
  created_at: string;
  updated_at: string | null;
  id: string;
  instance_id: string | null;
  instance_name: string;
  internal_ip: string | null;
  management_ip: string | null;
  storage_devices_number: number;
  dns_hostname: string | null;
}

export interface ProvisionStep {
  created_at: string;
  updated_at: string | null;
  id: string;
  cluster_id: string;
  step_name: string;
  step_type: string;
  total: number;
  /** null while it runs. */
  successful: boolean | null;
  /** Only with `show_progress=true`. A step that ended well has none left. */
  events?: ProvisionEvent[];
  project_id: string;
}

export interface ProvisionEvent {
  created_at: string;
  updated_at: string | null;
  id: string;
  node_group_id: string | null;
  instance_id: string | null;
  instance_name: string | null;
  event_info: string | null;
  successful: boolean;
  step_id: string;
}

export interface ClusterNodeGroup extends NodeGroup {
  instances: NodeGroupInstance[];
}

export interface Cluster {
  created_at: string;
  updated_at: string | null;
  id: string;
  name: string;
  description: string | null;
  trust_id: string | null;
  is_transient: boolean;
  plugin_name: string;
  cluster_configs: Configs;
  default_image_id: string | null;
  neutron_management_network: string | null;
  anti_affinity: string[];
  anti_affinity_ratio: number;
  management_public_key: string | null;
  user_keypair_id: string | null;
  status: ClusterStatus;
  status_description: string;
  info: Record<string, unknown>;
  use_autoconfig: boolean | null;
  cluster_template_id: string | null;
  shares: Share[] | null;
  is_public: boolean;
  is_protected: boolean;
  domain_name: string | null;
  node_groups: ClusterNodeGroup[];
  provision_progress: ProvisionStep[];
  plugin_version: string;
  project_id: string;
  /** Only if one was ever run. */
  verification?: Verification;
}
