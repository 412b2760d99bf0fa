import { type Static, Type } from 'typebox';
import { orNull } from './field.ts';

/** A switch of a plugin or of one of its versions. */
export const PluginLabel = Type.Object({
  status: Type.Boolean(),
  mutable: Type.Boolean(),
  description: Type.String(),
});
export type PluginLabel = Static<typeof PluginLabel>;

const pluginFields = {
  name: Type.String(),
  title: Type.String(),
  description: Type.String(),
  versions: Type.Array(Type.String()),
  plugin_labels: Type.Record(Type.String(), PluginLabel),
  version_labels: Type.Record(Type.String(), Type.Record(Type.String(), PluginLabel)),
};

export const Plugin = Type.Object(pluginFields);
export type Plugin = Static<typeof Plugin>;

export const PluginConfig = Type.Object({
  name: Type.String(),
  description: orNull(Type.String()),
  config_type: Type.Enum(['string', 'int', 'bool', 'enum']),
  config_values: Type.Unsafe<readonly (readonly [string, string])[] | null>({
    type: ['array', 'null'],
    items: { type: 'array', items: { type: 'string' }, minItems: 2, maxItems: 2 },
  }),
  default_value: Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]),
  applicable_target: Type.String(),
  scope: Type.Enum(['node', 'cluster']),
  is_optional: Type.Boolean(),
  priority: Type.Union([Type.Literal(1), Type.Literal(2)]),
  needs_root: Type.Boolean({
    description:
      'Its value decides what is done as root: giving another than the default needs the right `root`.',
  }),
});
export type PluginConfig = Static<typeof PluginConfig>;

/** A plugin with what one version of it offers. */
export const PluginVersion = Type.Object({
  ...pluginFields,
  configs: Type.Array(PluginConfig),
  node_processes: Type.Record(Type.String(), Type.Array(Type.String()), {
    description: 'Services, and the processes of each.',
  }),
  required_image_tags: Type.Array(Type.String()),
});
export type PluginVersion = Static<typeof PluginVersion>;

const LabelChange = Type.Object({ status: Type.Boolean() }, { additionalProperties: false });
export const PluginLabelChanges = Type.Object(
  {
    enabled: Type.Optional(LabelChange),
    hidden: Type.Optional(LabelChange),
    stable: Type.Optional(LabelChange),
    deprecated: Type.Optional(LabelChange),
  },
  { additionalProperties: false },
);
export type PluginLabelChanges = Static<typeof PluginLabelChanges>;

/** PATCH /v2/plugins/{name} */
export const PluginUpdate = Type.Object(
  {
    plugin_labels: Type.Optional(PluginLabelChanges),
    version_labels: Type.Optional(
      Type.Record(Type.String({ description: 'A version of the plugin.' }), PluginLabelChanges),
    ),
  },
  { additionalProperties: false },
);
export type PluginUpdate = Static<typeof PluginUpdate>;

export const PluginList = Type.Object({ plugins: Type.Array(Plugin) });
export type PluginList = Static<typeof PluginList>;

export const PluginAnswer = Type.Object({ plugin: Plugin });
export type PluginAnswer = Static<typeof PluginAnswer>;

export const PluginVersionAnswer = Type.Object({ plugin: PluginVersion });
export type PluginVersionAnswer = Static<typeof PluginVersionAnswer>;

/** As the project has it now. */
export const PluginUpdateAnswer = Type.Object({
  plugin: Type.Object({ ...pluginFields, project_id: Type.String() }),
});
export type PluginUpdateAnswer = Static<typeof PluginUpdateAnswer>;
