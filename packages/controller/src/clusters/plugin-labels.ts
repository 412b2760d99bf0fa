import type { PluginLabel } from '@wadi/api';
import type { Plugin, Plugins } from './plugin.ts';

type Switched = Readonly<Record<string, boolean>>;

/** What a project switched: labels of the plugin and of its versions. */
export interface LabelChanges {
  readonly plugin: Switched;
  readonly versions: Readonly<Record<string, Switched>>;
}

/** The plugins as the project has them. What was switched and is gone from the plugin counts no more. */
export function withLabels(plugins: Plugins, changes: ReadonlyMap<string, LabelChanges>): Plugins {
  if (changes.size === 0) return plugins;
  return new Map([...plugins].map(([name, plugin]) => [name, labelled(plugin, changes.get(name))]));
}

function labelled(plugin: Plugin, changes: LabelChanges | undefined): Plugin {
  if (!changes) return plugin;
  const versions = [...plugin.versions].map(([version, release]) => {
    const labels = switched(release.labels, changes.versions[version]);
    return [version, { ...release, labels }] as const;
  });
  return { ...plugin, labels: switched(plugin.labels, changes.plugin), versions: new Map(versions) };
}

function switched(labels: Readonly<Record<string, PluginLabel>>, changes: Switched = {}) {
  return Object.fromEntries(
    Object.entries(labels).map(([name, label]) => [
      name,
      { ...label, status: changes[name] ?? label.status },
    ]),
  );
}

export function mergeChanges(before: LabelChanges, after: LabelChanges): LabelChanges {
  const versions = { ...before.versions };
  for (const [version, labels] of Object.entries(after.versions))
    versions[version] = { ...versions[version], ...labels };
  return { plugin: { ...before.plugin, ...after.plugin }, versions };
}
