import { ApiError, type Configs, type FieldPath } from '@wadi/api';
import { configText, kindOfValue } from './config-value.ts';
import type { NodeGroupValues } from './node-group.ts';
import type { Plugin, PluginRelease, Plugins } from './plugin.ts';

/** What names the plugin in a request; of a cluster that is there already nothing does. */
const pluginFields: readonly FieldPath[] = [['plugin_name']];
const versionFields: readonly FieldPath[] = [['plugin_version']];

export function requirePlugin(plugins: Plugins, name: string, fields = pluginFields): Plugin {
  const plugin = plugins.get(name);
  if (plugin) return plugin;
  throw new ApiError(400, 'INVALID_REFERENCE', `Sahara doesn't contain plugin with name '${name}'`, {
    hint: `there are: ${[...plugins.keys()].join(', ')}`,
    fields,
  });
}

export function requireRelease(plugin: Plugin, version: string, fields = versionFields): PluginRelease {
  const release = plugin.versions.get(version);
  if (release) return release;
  throw new ApiError(
    400,
    'INVALID_REFERENCE',
    `Requested plugin '${plugin.name}' doesn't support version '${version}'`,
    { hint: `it has: ${[...plugin.versions.keys()].join(', ')}`, fields },
  );
}

/** A plugin or a version of it that an admin switched off makes no new clusters. */
export function checkEnabled(plugin: Plugin, version: string, fields = pluginFields): void {
  const release = requireRelease(plugin, version, fields === pluginFields ? versionFields : fields);
  if (plugin.labels.enabled?.status === false)
    throw new ApiError(400, 'INVALID_REFERENCE', `Requested plugin '${plugin.name}' is not enabled`, {
      fields,
    });
  if (release.labels.enabled?.status === false)
    throw new ApiError(
      400,
      'INVALID_REFERENCE',
      `Requested plugin '${plugin.name}' version '${version}' is not enabled`,
      { fields },
    );
}

interface PinnedCluster {
  readonly plugin_name: string;
  readonly plugin_version: string;
  readonly plugin_hash: string | null;
}

/**
 * Why nothing of the plugin may be run on machines with these processes: it is gone, or is not the one that the cluster
 * was made with. null: all is well, or there is nothing to run, and what runs nothing cannot have changed what it runs.
 */
export function pinProblem(
  plugins: Plugins,
  cluster: PinnedCluster,
  processes: readonly string[],
): string | null {
  const plugin = plugins.get(cluster.plugin_name);
  const release = plugin?.versions.get(cluster.plugin_version);
  const what = `plugin ${cluster.plugin_name} ${cluster.plugin_version}`;
  const remedy = '(put its folder back as it was, and start the controller again)';
  if (!plugin || !release) return `${what} is not there any more ${remedy}`;
  if (!processes.some((name) => release.lifecycle.has(name))) return null;
  if (cluster.plugin_hash === null || cluster.plugin_hash === plugin.hash) return null;
  return `${what} is not the one that the cluster was made with: its files have changed ${remedy}`;
}

function checkProcesses(release: PluginRelease, processes: readonly string[], where: FieldPath): void {
  const twice = processes.filter((name, index) => processes.indexOf(name) !== index);
  if (twice.length > 0)
    throw new ApiError(
      400,
      'INVALID_DATA',
      `Duplicates in node processes have been detected: ${list([...new Set(twice)])}`,
      { fields: [where] },
    );
  checkKnownProcesses(release, processes, where);
}

export function checkKnownProcesses(
  release: PluginRelease,
  processes: readonly string[],
  where: FieldPath,
): void {
  const known = new Set(Object.values(release.processes).flat());
  const unknown = processes.filter((name) => !known.has(name)).sort();
  if (unknown.length > 0)
    throw new ApiError(
      400,
      'INVALID_REFERENCE',
      `Plugin doesn't support the following node processes: ${list(unknown)}`,
      { hint: `it has: ${[...known].join(', ')}`, fields: [where] },
    );
}

/** `where` in the request they stand. */
export function checkConfigs(
  release: PluginRelease,
  configs: Configs | null | undefined,
  where: FieldPath = ['cluster_configs'],
): void {
  for (const [target, settings] of Object.entries(configs ?? {})) {
    const known = release.configs.filter((config) => config.applicable_target === target);
    if (known.length === 0)
      throw new ApiError(400, 'INVALID_REFERENCE', `Plugin doesn't contain applicable target '${target}'`, {
        fields: [[...where, target]],
      });
    for (const [name, value] of Object.entries(settings)) {
      const config = known.find((each) => each.name === name);
      if (!config)
        throw new ApiError(
          400,
          'INVALID_REFERENCE',
          `Plugin's applicable target '${target}' doesn't contain config with name '${name}'`,
          { fields: [[...where, target, name]] },
        );
      if (configText(config, value) === undefined)
        throw new ApiError(
          400,
          'INVALID_DATA',
          `Config '${name}' of '${target}' has a value that it cannot have`,
          { hint: `it is ${kindOfValue(config)}`, fields: [[...where, target, name]] },
        );
    }
  }
}

/** The rules for one node group, whether in a template or in a cluster; `where` in the request it stands. */
export function checkNodeGroup(release: PluginRelease, values: NodeGroupValues, where: FieldPath = []): void {
  checkConfigs(release, values.node_configs, [...where, 'node_configs']);
  if (typeof values.flavor_id === 'number')
    throw new ApiError(400, 'NOT_FOUND', `Requested flavor '${values.flavor_id}' not found`, {
      hint: `ids of flavors are text: "${values.flavor_id}"`,
      fields: [[...where, 'flavor_id']],
    });
  checkProcesses(release, values.node_processes, [...where, 'node_processes']);
  if (values.volumes_per_node > 0 && !values.volumes_size)
    throw new ApiError(400, 'INVALID_REFERENCE', 'You must specify a volumes_size parameter', {
      hint: 'volumes_per_node says how many volumes, volumes_size how many GB each has',
      fields: [[...where, 'volumes_size']],
    });
}

function list(names: readonly string[]): string {
  return `[${names.map((name) => `'${name}'`).join(', ')}]`;
}
