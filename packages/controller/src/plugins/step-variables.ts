import type { Configs } from '@wadi/api';
import { configText } from '../clusters/config-value.ts';
import type { PluginRelease } from '../clusters/plugin.ts';
import type { PluginSecrets } from '../clusters/plugin-secrets.ts';

/** A machine as scripts know it. */
export interface StepMachine {
  readonly name: string;
  readonly ip: string;
  readonly group: string;
  /** Place of its group in the cluster, and its own in the group: they never change. */
  readonly groupPosition: number;
  readonly index: number;
  readonly processes: readonly string[];
}

export interface StepFacts {
  readonly clusterId: string;
  readonly clusterName: string;
  readonly version: string;
  readonly process: string;
  readonly step: string;
  readonly machine: StepMachine;
  /** All that stay. */
  readonly machines: readonly StepMachine[];
  /** Those that are about to go. */
  readonly leaving: readonly StepMachine[];
}

/** What a script finds in its shell variables. */
export function factVariables(facts: StepFacts): Record<string, string> {
  const { machine } = facts;
  return {
    WADI_CLUSTER: facts.clusterName,
    WADI_CLUSTER_ID: facts.clusterId,
    WADI_VERSION: facts.version,
    WADI_PROCESS: facts.process,
    WADI_STEP: facts.step,
    WADI_NAME: machine.name,
    WADI_IP: machine.ip,
    WADI_GROUP: machine.group,
    WADI_GROUP_POSITION: String(machine.groupPosition),
    WADI_INDEX: String(machine.index),
    WADI_MACHINES: facts.machines.map(line).join('\n'),
    WADI_LEAVING: facts.leaving.map(line).join('\n'),
  };
}

function line({ name, ip, group, groupPosition, index, processes }: StepMachine): string {
  return [name, ip, group, groupPosition, index, processes.join(',')].join(' ');
}

export interface Settings {
  readonly variables: Readonly<Record<string, string>>;
  /** Values that nobody may be told. */
  readonly secrets: readonly string[];
}

/** A node group's own value, else the cluster's, else the default; what has none is empty. */
export function settingVariables(
  release: PluginRelease,
  { group, cluster, configs }: { group: string; cluster: Configs; configs: Configs },
  secrets: PluginSecrets,
): Settings {
  const variables: Record<string, string> = {};
  const kept: string[] = [];
  for (const [index, setting] of release.settings.entries()) {
    const { target, name } = setting;
    const layers = setting.secret ? [secrets.groups[group] ?? {}, secrets.cluster] : [configs, cluster];
    const [given] = layers.flatMap((layer) => {
      const value = layer[target]?.[name];
      return value === undefined ? [] : [value];
    });
    const config = release.configs[index];
    const text = given === undefined || !config ? String(setting.default ?? '') : configText(config, given);
    // It was refused where it was given; what reaches a script is looked at once more.
    if (text === undefined)
      throw new Error(`config '${name}' of '${target}' has a value that it cannot have`);
    variables[setting.variable] = text;
    if (setting.secret && text !== '') kept.push(text);
  }
  return { variables, secrets: kept };
}

/**
 * The last of what a script said, with nothing in it that is secret or that a terminal would obey. `cut`: more was said,
 * and the last line may end in the middle of a secret.
 */
export function lastWords(text: string, secrets: readonly string[], { cut = false } = {}): string {
  const lines = secrets.flatMap((secret) => secret.split('\n').filter((each) => each.length > 3));
  // The longest first: one secret may be a part of another.
  const all = [...new Set([...secrets, ...lines])].sort((a, b) => b.length - a.length);
  const whole = cut ? text.slice(0, text.lastIndexOf('\n') + 1) : text;
  const clean = all.reduce((told, secret) => told.replaceAll(secret, '********'), whole);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be removed.
  const visible = clean.replaceAll(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '');
  return visible.trimEnd().split('\n').slice(-8).join('\n').slice(-2000);
}
