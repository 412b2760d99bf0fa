import { type Static, Type } from 'typebox';
import {
  allOptional,
  Configs,
  configs,
  name,
  nullableBoolean,
  nullableList,
  nullableText,
  orNull,
  placeholder,
  Share,
  saharaMoment,
  shares,
} from './field.ts';
import { markers } from './list-query.ts';
import { nodeGroupFields, nodeGroups } from './node-group-template.ts';

export const clusterTemplateFields = {
  name: name(),
  plugin_name: Type.String(),
  plugin_version: Type.String(),
  default_image_id: nullableText({ format: 'uuid' }),
  cluster_configs: configs(),
  node_groups: nodeGroups(),
  anti_affinity: nullableList<string>({ type: 'string' }),
  description: nullableText(),
  neutron_management_network: nullableText({ format: 'uuid' }),
  shares: shares(),
  use_autoconfig: nullableBoolean(),
  is_public: nullableBoolean(),
  is_protected: nullableBoolean(),
  domain_name: nullableText(),
};

export const ClusterTemplateCreate = Type.Object(clusterTemplateFields, { additionalProperties: false });
export type ClusterTemplateCreate = Static<typeof ClusterTemplateCreate>;

export const ClusterTemplateUpdate = Type.Object(allOptional(clusterTemplateFields), {
  additionalProperties: false,
});
export type ClusterTemplateUpdate = Static<typeof ClusterTemplateUpdate>;

/** A node group of a cluster template or of a cluster. */
export const nodeGroupShown = {
  created_at: saharaMoment(),
  updated_at: orNull(saharaMoment()),
  id: Type.String(),
  name: Type.String(),
  ...nodeGroupFields,
  count: Type.Integer(),
  node_group_template_id: orNull(Type.String()),
};
export const NodeGroup = Type.Object(nodeGroupShown);
export type NodeGroup = Static<typeof NodeGroup>;

const portable = {
  name: Type.String(),
  description: orNull(Type.String()),
  cluster_configs: Configs,
  default_image_id: orNull(Type.String()),
  anti_affinity: Type.Array(Type.String()),
  neutron_management_network: orNull(Type.String()),
  plugin_name: Type.String(),
  use_autoconfig: orNull(Type.Boolean()),
  shares: orNull(Type.Array(Share)),
  is_public: Type.Boolean(),
  is_protected: Type.Boolean(),
  domain_name: orNull(Type.String()),
  plugin_version: Type.String(),
};

export const ClusterTemplate = Type.Object({
  created_at: saharaMoment(),
  updated_at: orNull(saharaMoment()),
  id: Type.String(),
  ...portable,
  is_default: Type.Boolean(),
  node_groups: Type.Array(NodeGroup),
  project_id: Type.String(),
});
export type ClusterTemplate = Static<typeof ClusterTemplate>;

export const ClusterTemplateAnswer = Type.Object({ cluster_template: ClusterTemplate });
export type ClusterTemplateAnswer = Static<typeof ClusterTemplateAnswer>;

export const ClusterTemplateList = Type.Object({
  cluster_templates: Type.Array(ClusterTemplate),
  ...markers,
});
export type ClusterTemplateList = Static<typeof ClusterTemplateList>;

/** Without what belongs to this place. */
export const ClusterTemplateExport = Type.Object({
  cluster_template: Type.Object({
    ...portable,
    default_image_id: placeholder(),
    node_groups: placeholder(),
  }),
});
