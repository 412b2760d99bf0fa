import type { PluginConfig, PluginLabel } from '@wadi/api';

/** What a cluster runs, as far as the rules need to know it. */
export interface Plugin {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly labels: Readonly<Record<string, PluginLabel>>;
  /** By version, in the order of the plugin's file. */
  readonly versions: ReadonlyMap<string, PluginRelease>;
}

export interface PluginRelease {
  readonly labels: Readonly<Record<string, PluginLabel>>;
  /** Service, then its processes. */
  readonly processes: Readonly<Record<string, readonly string[]>>;
  readonly configs: readonly PluginConfig[];
  readonly requiredImageTags: readonly string[];
}

/** Every plugin that is installed, by name. */
export type Plugins = ReadonlyMap<string, Plugin>;
