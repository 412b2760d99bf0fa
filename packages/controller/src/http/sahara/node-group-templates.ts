import { randomUUID } from 'node:crypto';
import { ApiError, NodeGroupTemplateCreate, NodeGroupTemplateUpdate } from '@wadi/api';
import type { FastifyInstance } from 'fastify';
import type { Kysely } from 'kysely';
import { effectiveValues, nodeGroupDefaults, onlyValues } from '../../clusters/node-group.ts';
import { checkMayDelete, checkMayUpdate } from '../../clusters/ownership.ts';
import type { PluginRelease } from '../../clusters/plugin.ts';
import { checkNodeGroup, requirePlugin, requireRelease } from '../../clusters/plugin-rules.ts';
import { refuseSecrets } from '../../clusters/plugin-secrets.ts';
import { uniteProxyFlag } from '../../clusters/proxy-flag.ts';
import { brokenConstraint } from '../../storage/constraint.ts';
import { listPage } from '../../storage/list-page.ts';
import {
  clustersUsing,
  clusterTemplatesUsing,
  deleteNodeGroupTemplate,
  insertNodeGroupTemplate,
  type NodeGroupTemplateRow,
  updateNodeGroupTemplate,
} from '../../storage/node-group-templates.ts';
import type { Schema } from '../../storage/schema.ts';
import { findVisible, isNameVisible } from '../../storage/visible-row.ts';
import type { HttpContext } from '../context.ts';
import { requireRootFor } from '../require-root.ts';
import { checkCloudKnows } from './ask-cloud.ts';
import { checkNodeGroupReferences, type ReferencePlace } from './check-references.ts';
import { checkQuery, pageAnswer, readListQuery } from './list-query.ts';
import { readBody } from './read-body.ts';
import { invalidReference, namesOfUsers, nameTaken, notFound, versionMissing } from './refusals.ts';
import type { SaharaOptions } from './sahara-resources.ts';
import { nodeGroupTemplateOperations } from './template-operations.ts';
import { isVersion1, versionField } from './version-1.ts';
import { exportNodeGroupTemplate, viewNodeGroupTemplate } from './view-template.ts';

interface AskedCloud extends ReferencePlace {
  /** Of the template. */
  readonly name: string;
}

interface ById {
  Params: { id: string };
}

export function nodeGroupTemplateRoutes(
  app: FastifyInstance,
  { db, clouds }: HttpContext,
  { plugins, defaultCloud }: SaharaOptions,
): void {
  const check = async (release: PluginRelease, spec: object, cloud: AskedCloud | null) => {
    const values = effectiveValues(spec);
    checkNodeGroup(release, values);
    refuseSecrets(release, values.node_configs, ['node_configs']);
    if (!cloud) return;
    await checkCloudKnows(cloud.cloud, cloud.projectId, cloud.name, values);
    await checkNodeGroupReferences(cloud, release, values);
  };
  /** Nobody who holds a lock has the time that the cloud may take. */
  const askedOf = (projectId: string, name: string): AskedCloud | null => {
    const cloud = clouds.get(defaultCloud ?? '');
    return cloud ? { db, cloud, projectId, name } : null;
  };

  app.get('/v2/node-group-templates', nodeGroupTemplateOperations.list, async (request) => {
    const query = readListQuery(request, {
      handler: 'node_group_templates_list',
      specFields: { ...nodeGroupDefaults, description: null },
    });
    const page = await listPage<NodeGroupTemplateRow>(db, 'node_group_template', query);
    return pageAnswer('node_group_templates', query, page, viewNodeGroupTemplate);
  });

  app.post('/v2/node-group-templates', nodeGroupTemplateOperations.create, async (request, reply) => {
    const { projectId } = request.principal;
    const body = readBody(NodeGroupTemplateCreate, request);
    const fields = uniteProxyFlag(body);
    await refuseTakenName(db, projectId, body.name);
    const release = requireRelease(requirePlugin(plugins, body.plugin_name), body.plugin_version);
    await check(release, onlyValues(fields), askedOf(projectId, body.name));
    requireRootFor(request, release, fields.node_configs);
    checkQuery(request, 'node_group_templates_create');
    const row = await insertNodeGroupTemplate(db, {
      id: randomUUID(),
      project_id: projectId,
      name: body.name,
      plugin_name: body.plugin_name,
      plugin_version: body.plugin_version,
      is_public: body.is_public ?? false,
      is_protected: body.is_protected ?? false,
      spec: JSON.stringify(specOf(fields)),
    });
    if (!row) throw nameTaken('NodeGroup template', body.name);
    reply.code(202);
    return { node_group_template: viewNodeGroupTemplate(row) };
  });

  app.get<ById>('/v2/node-group-templates/:id', nodeGroupTemplateOperations.get, async (request) => {
    const row = await find(db, request.principal.projectId, request.params.id);
    checkQuery(request, 'node_group_templates_get');
    return { node_group_template: viewNodeGroupTemplate(row) };
  });

  app.get<ById>(
    '/v2/node-group-templates/:id/export',
    nodeGroupTemplateOperations.export,
    async (request, reply) => {
      const row = await find(db, request.principal.projectId, request.params.id);
      checkQuery(request, 'node_group_template_export');
      reply.header('Content-Disposition', 'attachment; filename=node_group_template.json');
      return { node_group_template: exportNodeGroupTemplate(row, { withBoot: !isVersion1(request) }) };
    },
  );

  app.patch<ById>(
    '/v2/node-group-templates/:id',
    nodeGroupTemplateOperations.update,
    async (request, reply) => {
      const { projectId } = request.principal;
      const settle = async (at: Kysely<Schema>, asked: 'not yet' | 'already') => {
        const lock = asked === 'already' ? 'update' : undefined;
        const old = await find(at, projectId, request.params.id, lock);
        const body = readBody(NodeGroupTemplateUpdate, request);
        const fields = uniteProxyFlag(body);
        checkMayUpdate('NodeGroupTemplate', old, projectId, body);
        if (body.plugin_name !== undefined && body.plugin_version === undefined)
          throw versionMissing(versionField(request));
        const plugin = requirePlugin(plugins, body.plugin_name ?? old.plugin_name);
        const release = requireRelease(plugin, body.plugin_version ?? old.plugin_version);
        if (body.name !== undefined && body.name !== old.name)
          await refuseTakenName(at, projectId, body.name);
        const spec = { ...old.spec, ...specOf(fields) };
        await check(release, spec, asked === 'already' ? null : askedOf(projectId, old.name));
        requireRootFor(request, release, fields.node_configs);
        checkQuery(request, 'node_group_templates_update');
        if ((await clustersUsing(at, old.id)).length > 0)
          throw new ApiError(
            400,
            'UPDATE_FAILED',
            `NodeGroupTemplate id '${old.id}' can not be updated. It is referenced by an existing cluster.`,
          );
        const changes = {
          name: body.name ?? old.name,
          plugin_name: plugin.name,
          plugin_version: body.plugin_version ?? old.plugin_version,
          is_public: body.is_public ?? old.is_public,
          is_protected: body.is_protected ?? old.is_protected,
          spec: JSON.stringify(spec),
        };
        return { id: old.id, changes };
      };
      await settle(db, 'not yet');
      const row = await db.transaction().execute(async (tx) => {
        const { id, changes } = await settle(tx, 'already');
        return updateNodeGroupTemplate(tx, id, changes).catch((error) => {
          throw brokenConstraint(error) === 'unique' ? nameTaken('NodeGroup template', changes.name) : error;
        });
      });
      reply.code(202);
      return { node_group_template: viewNodeGroupTemplate(row) };
    },
  );

  app.delete<ById>(
    '/v2/node-group-templates/:id',
    nodeGroupTemplateOperations.delete,
    async (request, reply) => {
      const { projectId } = request.principal;
      await db.transaction().execute(async (tx) => {
        // The lock waits for those who are about to use it, and they for us.
        const row = await find(tx, projectId, request.params.id, 'update');
        checkMayDelete('NodeGroupTemplate', row, projectId);
        checkQuery(request, 'node_group_templates_delete');
        const templates = await clusterTemplatesUsing(tx, row.id);
        const clusters = await clustersUsing(tx, row.id);
        if (templates.length + clusters.length > 0)
          throw invalidReference(
            `Node group template ${row.id} is in use by cluster templates: ` +
              `${namesOfUsers(templates, projectId)}; and clusters: ${namesOfUsers(clusters, projectId)}`,
          );
        await deleteNodeGroupTemplate(tx, row.id);
      });
      reply.code(204);
    },
  );
}

async function find(db: Kysely<Schema>, projectId: string, id: string, lock?: 'update') {
  const row = await findVisible(db, 'node_group_template', projectId, id, lock);
  if (!row) throw notFound({ id });
  return row;
}

async function refuseTakenName(db: Kysely<Schema>, projectId: string, name: string): Promise<void> {
  if (await isNameVisible(db, 'node_group_template', projectId, name))
    throw nameTaken('NodeGroup template', name);
}

/** What is kept in the row's `spec`: as it was given, without the defaults. */
function specOf(fields: { readonly description?: string | null }): Record<string, unknown> {
  const values: Record<string, unknown> = { ...onlyValues(fields) };
  if (fields.description !== undefined) values.description = fields.description;
  return values;
}
