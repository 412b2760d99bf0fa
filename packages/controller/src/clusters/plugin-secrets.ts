import { ApiError, type Configs, type FieldPath } from '@wadi/api';
import type { PluginRelease } from './plugin.ts';

/** What is shown in the place of a secret. */
const mask = '********';

/** The values of a cluster's secret configs: those of the cluster, and those of each node group by its name. */
export interface PluginSecrets {
  readonly cluster: Configs;
  readonly groups: Readonly<Record<string, Configs>>;
}

export const noSecrets: PluginSecrets = { cluster: {}, groups: {} };

/** Takes the secrets out: what is shown has a mask in their place. `where` in the request they stand. */
export function separateSecrets(
  release: PluginRelease,
  configs: Configs | null | undefined,
  where: FieldPath = ['cluster_configs'],
): { readonly shown: Configs; readonly secret: Configs } {
  const shown: Configs = {};
  const secret: Configs = {};
  for (const [target, settings] of Object.entries(configs ?? {})) {
    shown[target] = { ...settings };
    for (const [name, value] of Object.entries(settings)) {
      if (!isSecret(release, target, name)) continue;
      if (value === mask)
        throw new ApiError(400, 'INVALID_DATA', `Config '${name}' of '${target}' has the mask as its value`, {
          hint: 'secrets are never shown: give the value itself',
          fields: [[...where, target, name]],
        });
      shown[target][name] = mask;
      secret[target] = { ...secret[target], [name]: value };
    }
  }
  return { shown, secret };
}

/** Templates are shown to everybody who may use them, so they hold no secrets. */
export function refuseSecrets(
  release: PluginRelease,
  configs: Configs | null | undefined,
  where: FieldPath,
): void {
  for (const [target, settings] of Object.entries(configs ?? {}))
    for (const name of Object.keys(settings))
      if (isSecret(release, target, name))
        throw new ApiError(
          400,
          'INVALID_DATA',
          `Config '${name}' of '${target}' is a secret: a template cannot hold it`,
          {
            hint: 'give it when a cluster is created',
            fields: [[...where, target, name]],
          },
        );
}

function isSecret(release: PluginRelease, target: string, name: string): boolean {
  return release.settings.some((each) => each.secret && each.target === target && each.name === name);
}
