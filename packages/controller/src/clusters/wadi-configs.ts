import { type AccessMethod, accessMethods, type Configs, type PluginConfig } from '@wadi/api';
import type { PluginRelease } from './plugin.ts';
import { checkConfigs } from './plugin-rules.ts';

/** No plugin may have a target of this name. */
export const wadiTarget = 'wadi';
const accessMethod = 'access_method';
/** Where it stands in a request. */
export const accessMethodField = ['cluster_configs', wadiTarget, accessMethod];

/**
 * What a cluster may be asked for whatever its plugin is. Configs, as all of Sahara's clients and templates can carry them; a
 * field of our own none of them could.
 */
const configs: readonly PluginConfig[] = [
  {
    name: accessMethod,
    description: "How the controller gets to the cluster's machines.",
    config_type: 'enum',
    config_values: accessMethods.map((method) => [method, method] as const),
    default_value: null,
    applicable_target: wadiTarget,
    scope: 'cluster',
    is_optional: true,
    priority: 1,
    needs_root: false,
  },
];

/** Those of a cluster or of its template. */
export function checkClusterConfigs(release: PluginRelease, given: Configs | null | undefined): void {
  checkConfigs({ ...release, configs: [...release.configs, ...configs] }, given);
}

/** That somebody chose; undefined: as the controller has it. */
export function chosenAccessMethod(given: Configs | null | undefined): AccessMethod | undefined {
  const chosen = given?.[wadiTarget]?.[accessMethod];
  return accessMethods.find((method) => method === chosen);
}
