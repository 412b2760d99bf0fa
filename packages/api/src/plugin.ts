/** A switch of a plugin or of one of its versions. */
export interface PluginLabel {
  status: boolean;
  mutable: boolean;
  description: string;
}

export interface Plugin {
  name: string;
  title: string;
  description: string;
  versions: string[];
  plugin_labels: Record<string, PluginLabel>;
  version_labels: Record<string, Record<string, PluginLabel>>;
}

export interface PluginConfig {
  name: string;
  description: string | null;
  config_type: 'string' | 'int' | 'bool' | 'enum';
  config_values: readonly (readonly [string, string])[] | null;
  default_value: string | number | boolean | null;
  applicable_target: string;
  scope: 'node' | 'cluster';
  is_optional: boolean;
  priority: 1 | 2;
  /** Its value decides what is done as root: giving another than the default needs the right `root`. */
  needs_root: boolean;
}

/** A plugin with what one version of it offers. */
export interface PluginVersion extends Plugin {
  configs: PluginConfig[];
  node_processes: Record<string, string[]>;
  required_image_tags: string[];
}
