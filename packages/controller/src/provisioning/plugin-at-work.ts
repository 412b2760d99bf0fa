import type { Configs } from '@wadi/api';
import type { ClusterReach } from '../access/cluster-reach.ts';
import { adoptedCloud } from '../clusters/adopted.ts';
import type { Plugin, PluginRelease } from '../clusters/plugin.ts';
import { pinProblem } from '../clusters/plugin-rules.ts';
import { noSecrets, type PluginSecrets } from '../clusters/plugin-secrets.ts';
import { type Settings, type StepMachine, settingVariables } from '../plugins/step-variables.ts';
import type { ClusterRow } from '../storage/clusters.ts';
import { nodeGroupsOf } from './cluster-work.ts';
import type { ProvisioningParts } from './provisioning.ts';
import { ProvisioningError } from './provisioning-error.ts';

export type PluginParts = Pick<ProvisioningParts, 'db' | 'secrets' | 'access' | 'plugins'>;

/** The cluster's plugin is gone, or is not the one that it was made with: nothing of it is run. */
export class PluginChangedError extends ProvisioningError {}

export const secretsPurpose = 'plugin-configs';

/** A cluster's plugin with all that its scripts need. */
export interface PluginAtWork {
  readonly plugin: Plugin;
  readonly release: PluginRelease;
  readonly reach: ClusterReach;
  /** By id. */
  readonly machines: ReadonlyMap<string, StepMachine>;
  settings(group: string): Settings;
}

/** null: nothing of the plugin runs on any of these machines. */
export async function pluginAtWork(
  work: PluginParts,
  cluster: ClusterRow,
  known?: ClusterReach,
): Promise<PluginAtWork | null> {
  // What runs there was installed by another service's plugin, whatever ours of that name does.
  if (cluster.cloud === adoptedCloud) return null;
  const groups = await nodeGroupsOf(work, cluster.id);
  const processes = new Map(groups.map((group) => [group.name, group.spec.node_processes as string[]]));
  const all = [...processes.values()].flat();
  const problem = pinProblem(work.plugins, cluster, all);
  if (problem !== null) throw new PluginChangedError(problem);
  const plugin = work.plugins.get(cluster.plugin_name);
  const release = plugin?.versions.get(cluster.plugin_version);
  if (!plugin || !release || !all.some((name) => release.lifecycle.has(name))) return null;
  const reach = known ?? (await work.access.reach(cluster));
  const secrets = await readSecrets(work, cluster.id);
  const spec = cluster.spec as { cluster_configs?: Configs };
  return {
    plugin,
    release,
    reach,
    machines: new Map(
      reach.facts.instances.map((each) => [
        each.id,
        {
          name: each.name,
          ip: each.internalIp ?? '',
          group: each.nodeGroupName,
          groupPosition: each.groupPosition,
          index: each.index,
          processes: processes.get(each.nodeGroupName) ?? [],
        },
      ]),
    ),
    settings(name) {
      const own = groups.find((group) => group.name === name)?.spec as { node_configs?: Configs | null };
      const layers = { group: name, cluster: spec.cluster_configs ?? {}, configs: own?.node_configs ?? {} };
      return settingVariables(release, layers, secrets);
    },
  };
}

async function readSecrets({ db, secrets }: PluginParts, clusterId: string): Promise<PluginSecrets> {
  const row = await db
    .selectFrom('secret')
    .select('id')
    .where('cluster_id', '=', clusterId)
    .where('purpose', '=', secretsPurpose)
    .executeTakeFirst();
  return row ? (JSON.parse((await secrets.get(row.id)).toString()) as PluginSecrets) : noSecrets;
}
