import { randomUUID } from 'node:crypto';
import { ApiError, type ClusterCreate, type FieldPath } from '@wadi/api';
import type { Kysely } from 'kysely';
import { type ClusterSpec, mergeClusterSpec } from '../../clusters/cluster-request.ts';
import {
  checkGroupNames,
  checkHostNames,
  checkMachines,
  checkProxies,
  clusterNames,
} from '../../clusters/cluster-rules.ts';
import { effectiveValues, type NodeGroupValues, planNodeGroup } from '../../clusters/node-group.ts';
import type { PluginRelease, Plugins } from '../../clusters/plugin.ts';
import {
  checkEnabled,
  checkKnownProcesses,
  checkNodeGroup,
  requirePlugin,
  requireRelease,
} from '../../clusters/plugin-rules.ts';
import { type PluginSecrets, separateSecrets } from '../../clusters/plugin-secrets.ts';
import { checkClusterConfigs } from '../../clusters/wadi-configs.ts';
import type { Schema } from '../../storage/schema.ts';
import { findVisible, isNameVisible } from '../../storage/visible-row.ts';
import { findTemplates } from './find-templates.ts';
import { nameTaken } from './refusals.ts';
import { storedNodeGroups } from './view-template.ts';

/** What is to be stored of a cluster that was asked for: template and request put together, and checked. */
export interface PlannedCluster {
  /** One for each cluster to make. */
  readonly names: readonly string[];
  readonly release: PluginRelease;
  readonly clusterTemplateId: string | null;
  readonly spec: ClusterSpec;
  readonly nodeGroups: readonly PlannedNodeGroup[];
  readonly pluginHash: string;
  /** null: none were given. */
  readonly pluginSecrets: PluginSecrets | null;
}

export interface PlannedNodeGroup {
  readonly name: string;
  readonly count: number;
  readonly node_group_template_id: string | null;
  readonly values: NodeGroupValues;
  /** Where it stands in the request, or in the template that the request names. */
  readonly where: FieldPath;
}

/** Everything that can be said without asking the cloud, in the order in which Sahara says it. */
export async function planCluster(
  db: Kysely<Schema>,
  plugins: Plugins,
  projectId: string,
  request: ClusterCreate,
): Promise<PlannedCluster> {
  const requested = request.node_groups?.map(planNodeGroup);
  const names = clusterNames(request.name, request.count);
  for (const name of names)
    if (await isNameVisible(db, 'cluster', projectId, name)) throw nameTaken('Cluster', name);
  const plugin = requirePlugin(plugins, request.plugin_name);
  const release = requireRelease(plugin, request.plugin_version);
  checkEnabled(plugin, request.plugin_version);

  const template = await findClusterTemplate(db, projectId, request.cluster_template_id);
  const groups = requested ?? (template ? storedNodeGroups(template) : []);
  const where = requested ? ['node_groups'] : ['cluster_template_id', 'node_groups'];
  checkGroupNames(groups, where);
  const templates = await findTemplates(db, projectId, groups, where);
  const spec = mergeClusterSpec((template?.spec ?? {}) as ClusterSpec, request);
  checkClusterConfigs(release, spec.cluster_configs);
  const nodeGroups = groups.map(({ name, count, node_group_template_id, given }, index) => {
    const values = effectiveValues(templates.of({ node_group_template_id })?.spec ?? {}, given);
    checkNodeGroup(release, values, [...where, index]);
    return { name, count, node_group_template_id, values, where: [...where, index] };
  });
  checkKnownProcesses(release, spec.anti_affinity ?? [], ['anti_affinity']);

  const facts = nodeGroups.map(({ name, count, values }) => ({
    name,
    count,
    isProxy: values.is_proxy === true,
  }));
  for (const name of names) {
    checkHostNames(name, facts, (index) => [['name'], [...where, index, 'name']]);
    checkProxies(name, facts, where);
  }
  checkMachines(nodeGroups, names.length);
  return {
    names,
    release,
    clusterTemplateId: template?.id ?? null,
    pluginHash: plugin.hash,
    ...withoutSecrets(release, spec, nodeGroups),
  };
}

/** Secrets are kept apart: what is left is shown to everybody who may see the cluster. */
function withoutSecrets(release: PluginRelease, spec: ClusterSpec, nodeGroups: readonly PlannedNodeGroup[]) {
  const own = separateSecrets(release, spec.cluster_configs);
  const groups = nodeGroups.map((group) => ({
    group,
    ...separateSecrets(release, group.values.node_configs, [...group.where, 'node_configs']),
  }));
  const secrets = {
    cluster: own.secret,
    groups: Object.fromEntries(groups.map(({ group, secret }) => [group.name, secret])),
  };
  const any = [own, ...groups].some(({ secret }) => Object.keys(secret).length > 0);
  return {
    spec: any ? { ...spec, cluster_configs: own.shown } : spec,
    nodeGroups: any
      ? groups.map(({ group, shown }) => ({ ...group, values: { ...group.values, node_configs: shown } }))
      : nodeGroups,
    pluginSecrets: any ? secrets : null,
  };
}

async function findClusterTemplate(db: Kysely<Schema>, projectId: string, id: string | null | undefined) {
  if (!id) return undefined;
  const template = await findVisible(db, 'cluster_template', projectId, id, 'share');
  if (template) return template;
  throw new ApiError(400, 'NOT_FOUND', `Cluster template with id '${id}' not found`, {
    fields: [['cluster_template_id']],
  });
}

/** The rows of one of the planned clusters. */
export function clusterRows(plan: PlannedCluster, name: string, fields: RowFields) {
  const id = randomUUID();
  const cluster = {
    ...fields,
    id,
    name,
    cluster_template_id: plan.clusterTemplateId,
    status: 'Validating',
    status_description: '',
    spec: JSON.stringify(plan.spec),
    info: '{}',
    management_public_key: null,
    management_secret_id: null,
    proxy_secret_id: null,
    plugin_hash: plan.pluginHash,
  };
  const nodeGroups = plan.nodeGroups.map((group, position) => ({
    id: randomUUID(),
    cluster_id: id,
    position,
    name: group.name,
    count: group.count,
    is_proxy: group.values.is_proxy === true,
    node_group_template_id: group.node_group_template_id,
    // Frozen: what a cluster was built from does not change under it.
    spec: JSON.stringify(group.values),
  }));
  return { cluster, nodeGroups };
}

interface RowFields {
  readonly project_id: string;
  readonly plugin_name: string;
  readonly plugin_version: string;
  readonly cloud: string;
  readonly is_public: boolean;
  readonly is_protected: boolean;
  readonly user_public_key: string | null;
  /** JSON. */
  readonly access: string;
}
