import { randomUUID } from 'node:crypto';
import {
  ApiError,
  ClusterTemplateCreate,
  ClusterTemplateUpdate,
  type ClusterTemplateCreate as Create,
} from '@wadi/api';
import type { FastifyInstance } from 'fastify';
import type { Kysely } from 'kysely';
import { answered } from '../../clouds/cloud.ts';
import { clusterDefaults, clusterSpec } from '../../clusters/cluster-request.ts';
import { checkGroupNames } from '../../clusters/cluster-rules.ts';
import { effectiveValues, type NodeGroupPlan, planNodeGroup } from '../../clusters/node-group.ts';
import { checkMayDelete, checkMayUpdate } from '../../clusters/ownership.ts';
import type { PluginRelease } from '../../clusters/plugin.ts';
import {
  checkKnownProcesses,
  checkNodeGroup,
  requirePlugin,
  requireRelease,
} from '../../clusters/plugin-rules.ts';
import { refuseSecrets } from '../../clusters/plugin-secrets.ts';
import { checkClusterConfigs } from '../../clusters/wadi-configs.ts';
import {
  type ClusterTemplateRow,
  clustersOfTemplate,
  deleteClusterTemplate,
  insertClusterTemplate,
  updateClusterTemplate,
} from '../../storage/cluster-templates.ts';
import { brokenConstraint } from '../../storage/constraint.ts';
import { listPage } from '../../storage/list-page.ts';
import { nodeGroupTemplatesById } from '../../storage/node-group-templates.ts';
import type { Schema } from '../../storage/schema.ts';
import { findVisible, isNameVisible } from '../../storage/visible-row.ts';
import type { HttpContext } from '../context.ts';
import { requireRootFor } from '../require-root.ts';
import { checkCloudKnows } from './ask-cloud.ts';
import {
  checkClusterReferences,
  checkNetworkReference,
  checkNodeGroupReferences,
  type ReferencePlace,
} from './check-references.ts';
import { findTemplates } from './find-templates.ts';
import { checkQuery, pageAnswer, readListQuery } from './list-query.ts';
import { readBody } from './read-body.ts';
import { invalidReference, namesOfUsers, nameTaken, notFound, versionMissing } from './refusals.ts';
import type { SaharaOptions } from './sahara-resources.ts';
import { clusterTemplateOperations } from './template-operations.ts';
import { versionField } from './version-1.ts';
import {
  exportClusterTemplate,
  type StoredNodeGroup,
  storedNodeGroups,
  viewClusterTemplate,
} from './view-template.ts';

type Asked = 'not yet' | 'already';

interface ById {
  Params: { id: string };
}

export function clusterTemplateRoutes(
  app: FastifyInstance,
  { db, clouds }: HttpContext,
  { plugins, defaultCloud }: SaharaOptions,
): void {
  const cloud = clouds.get(defaultCloud ?? '');
  // Whether the cloud was asked: it may take its time, which nobody has who holds a lock.
  const placeOf = (at: Kysely<Schema>, projectId: string, asked: Asked): ReferencePlace | undefined =>
    cloud && { db: at, cloud: asked === 'already' ? answered(cloud) : cloud, projectId };

  app.get('/v2/cluster-templates', clusterTemplateOperations.list, async (request) => {
    const query = readListQuery(request, {
      handler: 'cluster_templates_list',
      specFields: clusterDefaults,
    });
    const page = await listPage<ClusterTemplateRow>(db, 'cluster_template', query);
    const templates = await templatesBehind(db, page?.rows ?? []);
    return pageAnswer('cluster_templates', query, page, (row) => viewClusterTemplate(row, templates));
  });

  app.post('/v2/cluster-templates', clusterTemplateOperations.create, async (request, reply) => {
    const { projectId } = request.principal;
    const body = readBody(ClusterTemplateCreate, request);
    const groups = (body.node_groups ?? []).map(planNodeGroup);
    const settle = async (at: Kysely<Schema>, asked: Asked) => {
      await refuseTakenName(at, projectId, body.name);
      const release = requireRelease(requirePlugin(plugins, body.plugin_name), body.plugin_version);
      const place = placeOf(at, projectId, asked);
      await checkClusterFields(place, release, body);
      await checkNodeGroups(at, projectId, release, groups, place);
      requireRootFor(request, release, body.cluster_configs, ...groups.map(givenConfigs));
      if (place) await checkNetworkReference(place, body, { complete: false });
      checkQuery(request, 'cluster_templates_create');
    };
    await settle(db, 'not yet');
    const row = await db.transaction().execute(async (tx) => {
      await settle(tx, 'already');
      const inserted = await insertClusterTemplate(tx, {
        id: randomUUID(),
        project_id: projectId,
        name: body.name,
        plugin_name: body.plugin_name,
        plugin_version: body.plugin_version,
        is_public: body.is_public ?? false,
        is_protected: body.is_protected ?? false,
        spec: JSON.stringify(clusterSpec(body)),
        node_groups: JSON.stringify(stored(groups)),
      });
      if (!inserted) throw nameTaken('Cluster template', body.name);
      return inserted;
    });
    reply.code(202);
    return { cluster_template: viewClusterTemplate(row, await templatesBehind(db, [row])) };
  });

  app.get<ById>('/v2/cluster-templates/:id', clusterTemplateOperations.get, async (request) => {
    const row = await find(db, request.principal.projectId, request.params.id);
    checkQuery(request, 'cluster_templates_get');
    return { cluster_template: viewClusterTemplate(row, await templatesBehind(db, [row])) };
  });

  app.get<ById>(
    '/v2/cluster-templates/:id/export',
    clusterTemplateOperations.export,
    async (request, reply) => {
      const row = await find(db, request.principal.projectId, request.params.id);
      checkQuery(request, 'cluster_template_export');
      reply.header('Content-Disposition', 'attachment; filename=cluster_template.json');
      return { cluster_template: exportClusterTemplate(row) };
    },
  );

  app.patch<ById>('/v2/cluster-templates/:id', clusterTemplateOperations.update, async (request, reply) => {
    const { projectId } = request.principal;
    const settle = async (at: Kysely<Schema>, asked: Asked) => {
      const lock = asked === 'already' ? 'update' : undefined;
      const old = await find(at, projectId, request.params.id, lock);
      const body = readBody(ClusterTemplateUpdate, request);
      const groups = body.node_groups === undefined ? undefined : (body.node_groups ?? []).map(planNodeGroup);
      checkMayUpdate('ClusterTemplate', old, projectId, body);
      if (body.plugin_name !== undefined && body.plugin_version === undefined)
        throw versionMissing(versionField(request));
      const plugin = requirePlugin(plugins, body.plugin_name ?? old.plugin_name);
      const release = requireRelease(plugin, body.plugin_version ?? old.plugin_version);
      if (body.name !== undefined && body.name !== old.name) await refuseTakenName(at, projectId, body.name);
      const spec = { ...old.spec, ...clusterSpec(body) };
      const place = placeOf(at, projectId, asked);
      await checkClusterFields(place, release, spec);
      // Groups that stay have to be what the plugin can run as well, when it becomes another one.
      const checked = groups ?? (body.plugin_version === undefined ? [] : storedNodeGroups(old));
      await checkNodeGroups(at, projectId, release, checked, place);
      requireRootFor(request, release, body.cluster_configs, ...(groups ?? []).map(givenConfigs));
      if (place) await checkNetworkReference(place, spec, { complete: false });
      checkQuery(request, 'cluster_templates_update');
      if ((await clustersOfTemplate(at, old.id)).length > 0)
        throw new ApiError(
          400,
          'UPDATE_FAILED',
          `Cluster Template id '${old.id}' can not be updated. It is referenced by at least one cluster.`,
        );
      const changes = {
        name: body.name ?? old.name,
        plugin_name: plugin.name,
        plugin_version: body.plugin_version ?? old.plugin_version,
        is_public: body.is_public ?? old.is_public,
        is_protected: body.is_protected ?? old.is_protected,
        spec: JSON.stringify(spec),
        ...(groups && { node_groups: JSON.stringify(stored(groups)) }),
      };
      return { id: old.id, changes };
    };
    await settle(db, 'not yet');
    const row = await db.transaction().execute(async (tx) => {
      const { id, changes } = await settle(tx, 'already');
      return updateClusterTemplate(tx, id, changes).catch((error) => {
        throw brokenConstraint(error) === 'unique' ? nameTaken('Cluster template', changes.name) : error;
      });
    });
    reply.code(202);
    return { cluster_template: viewClusterTemplate(row, await templatesBehind(db, [row])) };
  });

  app.delete<ById>('/v2/cluster-templates/:id', clusterTemplateOperations.delete, async (request, reply) => {
    const { projectId } = request.principal;
    await db.transaction().execute(async (tx) => {
      const row = await find(tx, projectId, request.params.id, 'update');
      checkMayDelete('ClusterTemplate', row, projectId);
      checkQuery(request, 'cluster_templates_delete');
      const clusters = await clustersOfTemplate(tx, row.id);
      if (clusters.length > 0)
        throw invalidReference(`Cluster template ${row.id} in use by ${namesOfUsers(clusters, projectId)}`);
      await deleteClusterTemplate(tx, row.id);
    });
    reply.code(204);
  });
}

async function find(db: Kysely<Schema>, projectId: string, id: string, lock?: 'update') {
  const row = await findVisible(db, 'cluster_template', projectId, id, lock);
  if (!row) throw notFound({ id });
  return row;
}

async function refuseTakenName(db: Kysely<Schema>, projectId: string, name: string): Promise<void> {
  if (await isNameVisible(db, 'cluster_template', projectId, name)) throw nameTaken('Cluster template', name);
}

async function checkClusterFields(
  place: ReferencePlace | undefined,
  release: PluginRelease,
  fields: Partial<Create>,
): Promise<void> {
  if (place) await checkClusterReferences(place, release, fields, { complete: false });
  checkClusterConfigs(release, fields.cluster_configs);
  refuseSecrets(release, fields.cluster_configs, ['cluster_configs']);
  checkKnownProcesses(release, fields.anti_affinity ?? [], ['anti_affinity']);
}

/** Locks the templates that the groups are built from, so that none is deleted before the groups are stored. */
async function checkNodeGroups(
  tx: Kysely<Schema>,
  projectId: string,
  release: PluginRelease,
  groups: readonly NodeGroupPlan[],
  place: ReferencePlace | undefined,
): Promise<void> {
  checkGroupNames(groups);
  const templates = await findTemplates(tx, projectId, groups, ['node_groups']);
  for (const [index, group] of groups.entries()) {
    const where = ['node_groups', index];
    const values = effectiveValues(templates.of(group)?.spec ?? {}, group.given);
    checkNodeGroup(release, values, where);
    refuseSecrets(release, group.given.node_configs, [...where, 'node_configs']);
    if (!place) continue;
    await checkCloudKnows(place.cloud, projectId, group.name, values, where);
    await checkNodeGroupReferences(place, release, values, where);
  }
}

function givenConfigs({ given }: NodeGroupPlan) {
  return given.node_configs;
}

/** Only what was given: the template's values are looked up whenever the group is shown or built. */
function stored(groups: readonly NodeGroupPlan[]): StoredNodeGroup[] {
  const created_at = new Date().toISOString();
  return groups.map((group) => ({ id: randomUUID(), created_at, updated_at: null, ...group }));
}

function templatesBehind(db: Kysely<Schema>, rows: readonly ClusterTemplateRow[]) {
  const ids = rows.flatMap(storedNodeGroups).flatMap((group) => group.node_group_template_id ?? []);
  return nodeGroupTemplatesById(db, [...new Set(ids)]);
}
