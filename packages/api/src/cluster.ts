import { type Static, Type } from 'typebox';
import { type ClusterStatus, clusterStatuses } from './cluster-status.ts';
import { clusterTemplateFields, nodeGroupShown } from './cluster-template.ts';
import {
  Configs,
  name,
  nullableBoolean,
  nullableText,
  orNull,
  Share,
  saharaMoment,
  shares,
} from './field.ts';
import { markers } from './list-query.ts';
import { Verification } from './verification.ts';

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
export const NodeGroupInstance = Type.Object({
  created_at: saharaMoment(),
  updated_at: orNull(saharaMoment()),
  id: Type.String(),
  instance_id: orNull(Type.String({ description: 'What the cloud calls it.' })),
  instance_name: Type.String(),
  internal_ip: orNull(Type.String()),
  management_ip: orNull(Type.String()),
  storage_devices_number: Type.Integer(),
  dns_hostname: orNull(Type.String()),
});
export type NodeGroupInstance = Static<typeof NodeGroupInstance>;

export const ProvisionEvent = Type.Object({
  created_at: saharaMoment(),
  updated_at: orNull(saharaMoment()),
  id: Type.String(),
  node_group_id: orNull(Type.String()),
  instance_id: orNull(Type.String()),
  instance_name: orNull(Type.String()),
  event_info: orNull(Type.String()),
  successful: Type.Boolean(),
  step_id: Type.String(),
});
export type ProvisionEvent = Static<typeof ProvisionEvent>;

export const ProvisionStep = Type.Object({
  created_at: saharaMoment(),
  updated_at: orNull(saharaMoment()),
  id: Type.String(),
  cluster_id: Type.String(),
  step_name: Type.String(),
  step_type: Type.String(),
  total: Type.Integer(),
  successful: orNull(Type.Boolean({ description: 'Null while it runs.' })),
  events: Type.Optional(
    Type.Array(ProvisionEvent, {
      description: 'Only with `show_progress=true`. A step that ended well has none left.',
    }),
  ),
  project_id: Type.String(),
});
export type ProvisionStep = Static<typeof ProvisionStep>;

export const ClusterNodeGroup = Type.Object({
  ...nodeGroupShown,
  instances: Type.Array(NodeGroupInstance),
});
export type ClusterNodeGroup = Static<typeof ClusterNodeGroup>;

export const Cluster = Type.Object({
  created_at: saharaMoment(),
  updated_at: orNull(saharaMoment()),
  id: Type.String(),
  name: Type.String(),
  description: orNull(Type.String()),
  trust_id: orNull(Type.String()),
  is_transient: Type.Boolean(),
  plugin_name: Type.String(),
  cluster_configs: Configs,
  default_image_id: orNull(Type.String()),
  neutron_management_network: orNull(Type.String()),
  anti_affinity: Type.Array(Type.String()),
  anti_affinity_ratio: Type.Number(),
  management_public_key: orNull(Type.String()),
  user_keypair_id: orNull(Type.String()),
  status: Type.Unsafe<ClusterStatus>(Type.Enum([...clusterStatuses])),
  status_description: Type.String(),
  info: Type.Record(Type.String(), Type.Unknown(), { description: 'Web pages and the like, by the plugin.' }),
  use_autoconfig: orNull(Type.Boolean()),
  cluster_template_id: orNull(Type.String()),
  shares: orNull(Type.Array(Share)),
  is_public: Type.Boolean(),
  is_protected: Type.Boolean(),
  domain_name: orNull(Type.String()),
  node_groups: Type.Array(ClusterNodeGroup),
  provision_progress: Type.Array(ProvisionStep),
  plugin_version: Type.String(),
  project_id: Type.String(),
  /** Only if one was ever run. */
  verification: Type.Optional(Verification),
});
export type Cluster = Static<typeof Cluster>;

export const ClusterAnswer = Type.Object({ cluster: Cluster });
export type ClusterAnswer = Static<typeof ClusterAnswer>;

/** In answer to a creation with a `count`. */
export const ClustersAnswer = Type.Object({ clusters: Type.Array(ClusterAnswer) });
export type ClustersAnswer = Static<typeof ClustersAnswer>;

export const ClusterList = Type.Object({ clusters: Type.Array(Cluster), ...markers });
export type ClusterList = Static<typeof ClusterList>;

export const ClusterQuery = Type.Object({
  show_progress: Type.Optional(
    Type.Boolean({ description: 'With what happened in each step, not only how it came out.' }),
  ),
});

/** In answer to a deletion with `force`. */
export const ForcedDeletion = Type.Object({
  stack_name: orNull(
    Type.String({ description: 'Of Sahara, where it made the cluster: it is left behind.' }),
  ),
});
