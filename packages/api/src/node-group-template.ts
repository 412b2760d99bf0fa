import { type Static, Type } from 'typebox';
import {
  allOptional,
  type Configs,
  configs,
  flavor,
  name,
  nullableBoolean,
  nullableInteger,
  nullableList,
  nullableText,
  type Share,
  shares,
} from './field.ts';

const processes = () => Type.Array(Type.String(), { minItems: 1 });

/** What a node group may set besides its name, flavor and processes. */
export const nodeGroupOptions = {
  image_id: nullableText({ format: 'uuid' }),
  node_configs: configs(),
  volumes_per_node: Type.Optional(Type.Integer({ minimum: 0 })),
  volumes_size: nullableInteger({ minimum: 1, description: 'GB for each volume.' }),
  volume_type: nullableText(),
  volumes_availability_zone: nullableText(),
  volume_mount_prefix: nullableText({ format: 'posix_path' }),
  description: nullableText(),
  floating_ip_pool: nullableText({ description: 'Id of the network that gives the addresses.' }),
  security_groups: nullableList<string>({ type: 'string' }),
  auto_security_group: nullableBoolean(),
  availability_zone: nullableText(),
  is_proxy_gateway: nullableBoolean({ description: 'The same field as is_proxy.' }),
  is_proxy: nullableBoolean({
    description: 'The controller reaches the machines of the other groups through machines of this one.',
  }),
  volume_local_to_instance: nullableBoolean(),
  shares: shares(),
  use_autoconfig: nullableBoolean(),
  is_public: nullableBoolean(),
  is_protected: nullableBoolean(),
};

/** Node groups inside cluster templates and clusters do not take these: Sahara builds them from its v1.1 fields. */
const sinceV2 = { 'x-since': 'v2' };
const bootOptions = {
  boot_from_volume: Type.Optional(Type.Boolean(sinceV2)),
  boot_volume_type: Type.Optional(Type.String(sinceV2)),
  boot_volume_availability_zone: Type.Optional(Type.String(sinceV2)),
  boot_volume_local_to_instance: Type.Optional(Type.Boolean(sinceV2)),
};

const fields = {
  name: name(),
  flavor_id: flavor(),
  plugin_name: Type.String(),
  plugin_version: Type.String(),
  node_processes: processes(),
  ...nodeGroupOptions,
  ...bootOptions,
};

export const NodeGroupTemplateCreate = Type.Object(fields, { additionalProperties: false });
export type NodeGroupTemplateCreate = Static<typeof NodeGroupTemplateCreate>;

export const NodeGroupTemplateUpdate = Type.Object(allOptional(fields), { additionalProperties: false });
export type NodeGroupTemplateUpdate = Static<typeof NodeGroupTemplateUpdate>;

const groupName = name();

/** A node group as a cluster template or a cluster asks for it: by template, with what it changes of that … */
const NodeGroupByTemplate = Type.Object(
  {
    node_group_template_id: Type.String({ format: 'uuid' }),
    name: groupName,
    count: Type.Integer({ minimum: 0 }),
    flavor_id: Type.Optional(flavor()),
    node_processes: Type.Optional(processes()),
    ...nodeGroupOptions,
  },
  { additionalProperties: false, 'x-chosen-by': 'node_group_template_id' },
);

/** … or with all of its own. */
const NodeGroupInline = Type.Object(
  {
    name: groupName,
    flavor_id: flavor(),
    node_processes: processes(),
    count: Type.Integer({ minimum: 0 }),
    ...nodeGroupOptions,
  },
  { additionalProperties: false, 'x-chosen-by': 'flavor_id' },
);

export type NodeGroupRequest = Static<typeof NodeGroupByTemplate> | Static<typeof NodeGroupInline>;

export const nodeGroupChoice = () => ({ oneOf: [NodeGroupByTemplate, NodeGroupInline] });

export const nodeGroups = () => nullableList<NodeGroupRequest>(nodeGroupChoice());

/** What node group templates and node groups have in common when they are shown. */
export interface NodeGroupFields {
  flavor_id: string | number;
  image_id: string | null;
  node_processes: string[];
  node_configs: Configs;
  volumes_per_node: number;
  volumes_size: number | null;
  volumes_availability_zone: string | null;
  volume_mount_prefix: string | null;
  volume_type: string | null;
  boot_from_volume: boolean;
  boot_volume_type: string | null;
  boot_volume_availability_zone: string | null;
  boot_volume_local_to_instance: boolean;
  use_autoconfig: boolean | null;
  floating_ip_pool: string | null;
  security_groups: string[] | null;
  auto_security_group: boolean | null;
  availability_zone: string | null;
  is_proxy_gateway: boolean | null;
  is_proxy: boolean | null;
  volume_local_to_instance: boolean | null;
  shares: Share[] | null;
}

export interface NodeGroupTemplate extends NodeGroupFields {
  created_at: string;
  updated_at: string | null;
  id: string;
  name: string;
  description: string | null;
  plugin_name: string;
  is_default: boolean;
  is_public: boolean;
  is_protected: boolean;
  plugin_version: string;
  project_id: string;
}
