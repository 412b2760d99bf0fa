import { type Static, Type } from 'typebox';
import {
  allOptional,
  type Configs,
  configs,
  name,
  nullableBoolean,
  nullableList,
  nullableText,
  type Share,
  shares,
} from './field.ts';
import { type NodeGroupFields, nodeGroups } from './node-group-template.ts';

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
export interface NodeGroup extends NodeGroupFields {
  created_at: string;
  updated_at: string | null;
  id: string;
  name: string;
  count: number;
  node_group_template_id: string | null;
}

export interface ClusterTemplate {
  created_at: string;
  updated_at: string | null;
  id: string;
  name: string;
  description: string | null;
  cluster_configs: Configs;
  default_image_id: string | null;
  anti_affinity: string[];
  neutron_management_network: string | null;
  plugin_name: string;
  is_default: boolean;
  use_autoconfig: boolean | null;
  shares: Share[] | null;
  is_public: boolean;
  is_protected: boolean;
  domain_name: string | null;
  node_groups: NodeGroup[];
  plugin_version: string;
  project_id: string;
}
