import { ApiError, ClusterCreate, ClusterDelete, ClusterUpdate } from '@wadi/api';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Kysely } from 'kysely';
import { clusterSpec } from '../../clusters/cluster-request.ts';
import { checkMayDelete, checkMayUpdate } from '../../clusters/ownership.ts';
import {
  type ClusterRow,
  clusterParts,
  insertCluster,
  setStatus,
  updateCluster,
} from '../../storage/clusters.ts';
import { brokenConstraint } from '../../storage/constraint.ts';
import { listPage } from '../../storage/list-page.ts';
import type { Schema } from '../../storage/schema.ts';
import { findVisible, isNameVisible } from '../../storage/visible-row.ts';
import type { HttpContext } from '../context.ts';
import { checkCloudAccepts } from './ask-cloud.ts';
import { checkQuery, pageAnswer, readListQuery } from './list-query.ts';
import { clusterRows, planCluster } from './plan-cluster.ts';
import { checkBody, invalidReference, nameTaken, notFound } from './refusals.ts';
import type { SaharaOptions } from './sahara-resources.ts';
import { viewCluster } from './view-cluster.ts';

interface ById {
  Params: { id: string };
}

export function clusterRoutes(app: FastifyInstance, context: HttpContext, options: SaharaOptions): void {
  const { db } = context;

  app.get('/v2/clusters', async (request) => {
    const query = readListQuery(request, {
      handler: 'clusters_list',
      furtherSortFields: { status: 'status' },
    });
    const page = await listPage<ClusterRow>(db, 'cluster', query);
    const ids = page?.rows.map((row) => row.id) ?? [];
    const parts = await clusterParts(db, ids, { withEvents: false });
    return pageAnswer('clusters', query, page, (row) =>
      viewCluster(row, parts.get(row.id), { withEvents: false }),
    );
  });

  app.post('/v2/clusters', (request, reply) => createClusters(context, options, request, reply));

  app.get<ById>('/v2/clusters/:id', async (request) => {
    const row = await find(db, request.principal.projectId, request.params.id);
    checkQuery(request, 'clusters_get', ['show_progress']);
    const { show_progress } = request.query as { show_progress?: string | string[] };
    // Python's clients write `True`.
    const withEvents = [show_progress].flat()[0]?.toLowerCase() === 'true';
    return { cluster: await show(db, row, withEvents) };
  });

  app.patch<ById>('/v2/clusters/:id', async (request, reply) => {
    const { projectId } = request.principal;
    const row = await db.transaction().execute(async (tx) => {
      const old = await find(tx, projectId, request.params.id, 'update');
      const body = checkBody(ClusterUpdate, request.body);
      if (body.verification !== undefined) throw cannotVerify(body);
      checkMayUpdate('ClusterResource', old, projectId, body);
      if (body.update_keypair)
        throw new ApiError(400, 'UPDATE_FAILED', `update_keypair: the cloud '${old.cloud}' has no key pairs`);
      if (body.name !== undefined && body.name !== old.name) await refuseTakenName(tx, projectId, body.name);
      checkQuery(request, 'clusters_update');
      const changes = {
        name: body.name ?? old.name,
        is_public: body.is_public ?? old.is_public,
        is_protected: body.is_protected ?? old.is_protected,
        spec: JSON.stringify({ ...old.spec, ...clusterSpec(body) }),
      };
      return updateCluster(tx, old.id, changes).catch((error) => {
        throw brokenConstraint(error) === 'unique' ? nameTaken('Cluster', changes.name) : error;
      });
    });
    reply.code(202);
    return { cluster: await show(db, row, false) };
  });

  app.delete<ById>('/v2/clusters/:id', async (request, reply) => {
    const { projectId } = request.principal;
    const row = await find(db, projectId, request.params.id);
    const body = checkBody(ClusterDelete, request.body ?? {});
    checkMayDelete('ClusterResource', row, projectId);
    checkQuery(request, 'clusters_delete');
    await db.transaction().execute(async (tx) => {
      const change = await setStatus(tx, row.id, 'Deleting');
      if (change === 'gone') throw notFound({ id: request.params.id });
      if (change === 'changed') await context.events.append(statusEvent(row, 'Deleting'), tx);
    });
    await options.provisioning.deleteCluster(row.id);
    if (!body.force) return reply.code(204).send();
    // No cloud of ours keeps a stack that could be left behind.
    return { stack_name: null };
  });
}

async function createClusters(
  context: HttpContext,
  { plugins, provisioning, defaultCloud }: SaharaOptions,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const { db } = context;
  const { projectId } = request.principal;
  const body = checkBody(ClusterCreate, request.body);
  const plan = await planCluster(db, plugins, projectId, body);
  const cloud = context.clouds.get(defaultCloud ?? '');
  if (!cloud)
    throw new ApiError(400, 'INVALID_REFERENCE', 'There is no cloud to create machines in', {
      hint: 'import machines that exist with POST /v2/clusters/import, or start the controller with --sandbox',
    });
  await checkCloudAccepts(cloud, projectId, plan);
  checkQuery(request, 'clusters_create');

  const fields = {
    project_id: projectId,
    plugin_name: body.plugin_name,
    plugin_version: body.plugin_version,
    cloud: cloud.name,
    is_public: body.is_public ?? false,
    is_protected: body.is_protected ?? false,
  };
  // All clusters of the request or none; the work begins when they are there for good.
  const rows = await db
    .transaction()
    .execute(async (tx) => {
      const inserted: ClusterRow[] = [];
      for (const name of plan.names) {
        const { cluster, nodeGroups } = clusterRows(plan, name, fields);
        const row = await insertCluster(tx, cluster, nodeGroups);
        if (!row) throw nameTaken('Cluster', name);
        await context.events.append(statusEvent(row, 'Validating'), tx);
        inserted.push(row);
      }
      return inserted;
    })
    .catch((error) => {
      if (brokenConstraint(error) !== 'reference') throw error;
      throw invalidReference('A template that the cluster is built from was deleted in the meantime');
    });
  for (const row of rows) await provisioning.createCluster(row.id);

  reply.code(202);
  const clusters = await Promise.all(rows.map((row) => show(db, row, false)));
  if (body.count === undefined) return { cluster: clusters[0] };
  return { clusters: clusters.map((cluster) => ({ cluster })) };
}

function statusEvent(row: ClusterRow, status: 'Validating' | 'Deleting') {
  const body = { cluster: row.name, status };
  return { projectId: row.project_id, clusterId: row.id, type: 'cluster.status', body };
}

async function show(db: Kysely<Schema>, row: ClusterRow, withEvents: boolean) {
  const parts = await clusterParts(db, [row.id], { withEvents });
  return viewCluster(row, parts.get(row.id), { withEvents });
}

async function find(db: Kysely<Schema>, projectId: string, id: string, lock?: 'update') {
  const row = await findVisible(db, 'cluster', projectId, id, lock);
  if (!row) throw notFound({ id });
  return row;
}

async function refuseTakenName(db: Kysely<Schema>, projectId: string, name: string): Promise<void> {
  if (await isNameVisible(db, 'cluster', projectId, name)) throw nameTaken('Cluster', name);
}

function cannotVerify(body: object): ApiError {
  const reason =
    Object.keys(body).length > 1
      ? "Can't update verification with other updates"
      : 'All verifications are disabled';
  return new ApiError(400, 'CANNOT_VERIFY', `Cannot verify cluster. Reason: ${reason}`);
}
