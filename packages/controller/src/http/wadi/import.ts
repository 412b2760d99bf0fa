import { randomUUID } from 'node:crypto';
import { ApiError, ImportRequest } from '@wadi/api';
import { type AccessPolicy, methodOf } from '../../access/access-settings.ts';
import type { ClusterProvisioning } from '../../clusters/cluster-provisioning.ts';
import { effectiveValues } from '../../clusters/node-group.ts';
import type { Plugins } from '../../clusters/plugin.ts';
import { checkConfigs, checkEnabled, requirePlugin, requireRelease } from '../../clusters/plugin-rules.ts';
import { type PluginSecrets, separateSecrets } from '../../clusters/plugin-secrets.ts';
import { secretsPurpose } from '../../provisioning/plugin-at-work.ts';
import { clusterParts, insertCluster } from '../../storage/clusters.ts';
import type { HttpContext, Resource } from '../context.ts';
import { requireRootFor } from '../require-root.ts';
import { nameTaken } from '../sahara/refusals.ts';
import { viewCluster } from '../sahara/view-cluster.ts';
import { checkAccess, requireAdminFor } from './check-access.ts';
import { bodyOf } from './check-body.ts';
import { machineOperations } from './machine-operations.ts';
import { type PlannedMachines, planImport } from './plan-import.ts';
import { storeMachines } from './store-machines.ts';

export interface ImportParts {
  readonly provisioning: ClusterProvisioning;
  readonly plugins: Plugins;
  readonly policy: AccessPolicy;
}

/** Bytes: 10,000 machines with their host keys. */
export const bodyLimit = 32 * 1024 * 1024;
export const mostValues = 200_000;

/** Machines that exist already become a cluster; nothing on them is changed. */
export function importCluster({ provisioning, plugins, policy }: ImportParts): Resource {
  return (app, context) => {
    const { config } = machineOperations.import;
    const options = { bodyLimit, config: { ...config, mostValues } };
    app.post('/v2/clusters/import', options, async (request, reply) => {
      if (!context.clouds.has('inventory'))
        throw new ApiError(400, 'INVALID_REFERENCE', 'This controller takes no machines that exist already');
      const body = bodyOf(ImportRequest, request);
      const plugin = requirePlugin(plugins, body.plugin_name ?? 'bare');
      const version = body.plugin_version ?? [...plugin.versions.keys()].at(-1) ?? '';
      checkEnabled(plugin, version);
      const release = requireRelease(plugin, version);
      const processes = Object.values(release.processes).flat();
      checkConfigs(release, body.cluster_configs);
      requireRootFor(request, release, body.cluster_configs);
      const configs = separateSecrets(release, body.cluster_configs);
      const { access = {} } = body;
      const { projectId: project_id } = request.principal;
      requireAdminFor(request, access, {});
      const cluster = { cloud: 'inventory', project_id, access };
      const planned = planImport(body, policy.allowNetworks, methodOf(cluster, policy));
      const used = planned.groups.flatMap(({ isProxy, machines }) =>
        machines.map((machine) => ({ isProxy, floatingIp: machine.floating_ip ?? null })),
      );
      checkAccess(cluster, policy, used, 'access');
      const imported = {
        body,
        planned,
        version,
        pluginName: plugin.name,
        pluginHash: plugin.hash,
        processes,
        configs,
      };
      const id = await insertImport(context, request.principal.projectId, imported);
      await provisioning.createCluster(id);
      reply.code(202);
      return { cluster: await show(context, id) };
    });
  };
}

interface Imported {
  readonly planned: PlannedMachines;
  readonly body: ImportRequest;
  readonly pluginName: string;
  readonly pluginHash: string;
  readonly version: string;
  readonly processes: readonly string[];
  readonly configs: ReturnType<typeof separateSecrets>;
}

async function insertImport(
  { db, secrets, events }: HttpContext,
  projectId: string,
  { body, planned, pluginName, pluginHash, version, processes, configs }: Imported,
): Promise<string> {
  const id = randomUUID();
  await db.transaction().execute(async (tx) => {
    const cluster = await insertCluster(
      tx,
      {
        id,
        project_id: projectId,
        name: body.name,
        plugin_name: pluginName,
        plugin_version: version,
        cluster_template_id: null,
        cloud: 'inventory',
        status: 'Validating',
        status_description: '',
        is_public: false,
        is_protected: false,
        spec: JSON.stringify({
          ...(body.description === undefined ? {} : { description: body.description }),
          cluster_configs: configs.shown,
        }),
        info: '{}',
        access: JSON.stringify({
          ...body.access,
          trust_first_contact: body.trust_first_contact ?? false,
        }),
        management_public_key: null,
        management_secret_id: null,
        proxy_secret_id: null,
        plugin_hash: pluginHash,
      },
      planned.groups.map(({ name, isProxy, machines }, position) => ({
        id: randomUUID(),
        cluster_id: id,
        position,
        name,
        count: machines.filter((machine) => !machine.spare).length,
        is_proxy: isProxy,
        node_group_template_id: null,
        spec: JSON.stringify(
          effectiveValues({ is_proxy: isProxy, node_processes: [processOf(isProxy, processes)] }),
        ),
      })),
    );
    if (!cluster) throw nameTaken('Cluster', body.name);
    if (Object.keys(configs.secret).length > 0) {
      const kept: PluginSecrets = { cluster: configs.secret, groups: {} };
      await secrets.put(secretsPurpose, id, JSON.stringify(kept), tx);
    }
    await storeMachines(tx, secrets, id, planned, {
      numbered: () => 0,
      spare: (machine) => machine.spare ?? false,
    });
    const told = { cluster: body.name, status: 'Validating' };
    await events.append({ projectId, clusterId: id, type: 'cluster.status', body: told }, tx);
  });
  return id;
}

/** Every plugin offers `proxy` besides what its machines do; where it does not yet, they are just machines. */
function processOf(isProxy: boolean, processes: readonly string[]): string {
  const [first = 'machine'] = processes.filter((name) => name !== 'proxy');
  return isProxy && processes.includes('proxy') ? 'proxy' : first;
}

async function show({ db }: HttpContext, id: string) {
  const parts = await clusterParts(db, [id], { withEvents: false });
  const row = await db.selectFrom('cluster').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  return viewCluster(row, parts.get(id), { withEvents: false });
}
