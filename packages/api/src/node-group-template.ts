import { type Static, Type } from 'typebox';
import {
  allOptional,
  Configs,
  configs,
  flavor,
  name,
  nullableBoolean,
  nullableInteger,
  nullableList,
  nullableText,
  orNull,
  placeholder,
  Share,
  saharaMoment,
  shares,
} from './field.ts';
import { markers } from './list-query.ts';

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
export const NodeGroupByTemplate = Type.Object(
  {
    node_group_template_id: Type.String({ format: 'uuid', minLength: 1 }),
    name: groupName,
    count: Type.Integer({ minimum: 0 }),
    flavor_id: Type.Optional(flavor()),
    node_processes: Type.Optional(processes()),
    ...nodeGroupOptions,
  },
  { additionalProperties: false, 'x-chosen-by': 'node_group_template_id' },
);

/** … or with all of its own. */
export const NodeGroupInline = Type.Object(
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
export const nodeGroupFields = {
  flavor_id: Type.Union([Type.String(), Type.Integer()]),
  image_id: orNull(Type.String()),
  node_processes: Type.Array(Type.String()),
  node_configs: Configs,
  volumes_per_node: Type.Integer(),
  volumes_size: orNull(Type.Integer({ description: 'GB for each volume.' })),
  volumes_availability_zone: orNull(Type.String()),
  volume_mount_prefix: orNull(Type.String()),
  volume_type: orNull(Type.String()),
  boot_from_volume: Type.Boolean(),
  boot_volume_type: orNull(Type.String()),
  boot_volume_availability_zone: orNull(Type.String()),
  boot_volume_local_to_instance: Type.Boolean(),
  use_autoconfig: orNull(Type.Boolean()),
  floating_ip_pool: orNull(Type.String()),
  security_groups: orNull(Type.Array(Type.String())),
  auto_security_group: orNull(Type.Boolean()),
  availability_zone: orNull(Type.String()),
  is_proxy_gateway: orNull(Type.Boolean({ description: 'The same field as is_proxy.' })),
  is_proxy: orNull(Type.Boolean()),
  volume_local_to_instance: orNull(Type.Boolean()),
  shares: orNull(Type.Array(Share)),
};
const NodeGroupFields = Type.Object(nodeGroupFields);
export type NodeGroupFields = Static<typeof NodeGroupFields>;

export const NodeGroupTemplate = Type.Object({
  created_at: saharaMoment(),
  updated_at: orNull(saharaMoment()),
  id: Type.String(),
  name: Type.String(),
  description: orNull(Type.String()),
  ...nodeGroupFields,
  plugin_name: Type.String(),
  is_default: Type.Boolean(),
  is_public: Type.Boolean(),
  is_protected: Type.Boolean(),
  plugin_version: Type.String(),
  project_id: Type.String(),
});
export type NodeGroupTemplate = Static<typeof NodeGroupTemplate>;

export const NodeGroupTemplateAnswer = Type.Object({ node_group_template: NodeGroupTemplate });
export type NodeGroupTemplateAnswer = Static<typeof NodeGroupTemplateAnswer>;

export const NodeGroupTemplateList = Type.Object({
  node_group_templates: Type.Array(NodeGroupTemplate),
  ...markers,
});
export type NodeGroupTemplateList = Static<typeof NodeGroupTemplateList>;

const { is_proxy: _ours, ...saharaFields } = nodeGroupFields;

/** Without what belongs to this place, and only with names that Sahara knows. */
export const NodeGroupTemplateExport = Type.Object({
  node_group_template: Type.Object({
    name: Type.String(),
    description: orNull(Type.String()),
    ...saharaFields,
    flavor_id: placeholder(),
    image_id: placeholder(),
    floating_ip_pool: placeholder(),
    security_groups: placeholder(),
    plugin_name: Type.String(),
    plugin_version: Type.String(),
    is_public: Type.Boolean(),
    is_protected: Type.Boolean(),
  }),
});
