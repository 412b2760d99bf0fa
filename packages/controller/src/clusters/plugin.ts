import type { PluginConfig, PluginLabel } from '@wadi/api';

/** What a cluster runs, as far as the rules need to know it. */
export interface Plugin {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** SHA-256 (hex) of all that its folder holds: a cluster goes on with the plugin it was made with, or not at all. */
  readonly hash: string;
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
  /** What the scripts are given of `configs`, in the same order. */
  readonly settings: readonly PluginSetting[];
  /** What is done for a process, in the order of the plugin's file; a process that is not there runs nothing. */
  readonly lifecycle: ReadonlyMap<string, ProcessLifecycle>;
}

export interface PluginSetting {
  readonly target: string;
  readonly name: string;
  /** The shell variable that holds its value. */
  readonly variable: string;
  /** Write-only: kept encrypted, never shown. */
  readonly secret: boolean;
  /** Its value decides what is run or installed as root: giving another than the default needs the right `root`. */
  readonly needsRoot: boolean;
  readonly default: string | number | boolean | null;
}

/** In the order in which they are run. */
export const pluginSteps = ['install', 'configure', 'start', 'decommission', 'stop'] as const;
export type PluginStep = (typeof pluginSteps)[number];

export interface ProcessLifecycle {
  readonly steps: Readonly<Partial<Record<PluginStep, PluginScript>>>;
  readonly health: readonly HealthCheck[];
  readonly web: readonly WebInterface[];
}

export interface PluginScript {
  /** The file it was read from. */
  readonly file: string;
  /** POSIX shell. */
  readonly text: string;
  readonly root: boolean;
  /** Seconds. */
  readonly timeout: number;
}

export interface HealthCheck {
  readonly name: string;
  readonly check: PluginScript | HttpCheck;
}

export interface HttpCheck {
  readonly port: Port;
  readonly path: string;
  /** The status that means healthy. */
  readonly status: number;
  /** Seconds. */
  readonly timeout: number;
}

/** A number, or the variable of the setting that has it. */
export type Port = number | string;

export interface WebInterface {
  readonly title: string;
  readonly port: Port;
  readonly path: string;
}

/** Every plugin that is installed, by name. */
export type Plugins = ReadonlyMap<string, Plugin>;
