import type { Configs } from '@wadi/api';
import type { PluginRelease, PluginSetting } from './plugin.ts';

/**
 * The configs among these whose value decides what is done as root, and is another than the default. The default is
 * vouched for by who installed the plugin.
 */
export function configsForRoot(
  release: PluginRelease,
  configs: Configs | null | undefined,
): readonly PluginSetting[] {
  return release.settings.filter(({ needsRoot, target, name, default: usual }) => {
    const value = configs?.[target]?.[name];
    return needsRoot && value !== undefined && String(value) !== String(usual ?? '');
  });
}
