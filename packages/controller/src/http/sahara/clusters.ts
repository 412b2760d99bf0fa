import { ApiError, ClusterDelete, ClusterUpdate } from '@wadi/api';
import type { FastifyInstance } from 'fastify';
import type { Kysely } from 'kysely';
import { clusterDefaults, clusterSpec } from '../../clusters/cluster-request.ts';
import { checkMayDelete, checkMayUpdate } from '../../clusters/ownership.ts';
import { findAdoption } from '../../storage/adoptions.ts';
import { type ClusterRow, clusterParts, setStatus, updateCluster } from '../../storage/clusters.ts';
import { brokenConstraint } from '../../storage/constraint.ts';
import { listPage } from '../../storage/list-page.ts';
import type { Schema } from '../../storage/schema.ts';
import { findVisible, isNameVisible } from '../../storage/visible-row.ts';
import type { HttpContext } from '../context.ts';
import { clusterOperations } from './cluster-operations.ts';
import { createClusters } from './create-clusters.ts';
import { checkQuery, pageAnswer, readListQuery } from './list-query.ts';
import { readBody } from './read-body.ts';
import { nameTaken, notFound } from './refusals.ts';
import type { SaharaOptions } from './sahara-resources.ts';
import { scaleCluster } from './scale-cluster.ts';
import { startVerification } from './start-verification.ts';
import { onlyVersion1 } from './version-1.ts';
import { showCluster, statusEvent, viewCluster } from './view-cluster.ts';

interface ById {
  Params: { id: string };
}

export function clusterRoutes(app: FastifyInstance, context: HttpContext, options: SaharaOptions): void {
  const { db } = context;
  const { provisioning } = options;

  app.get('/v2/clusters', clusterOperations.list, async (request) => {
    const query = readListQuery(request, {
      handler: 'clusters_list',
      furtherSortFields: { status: 'status' },
      specFields: clusterDefaults,
    });
    const page = await listPage<ClusterRow>(db, 'cluster', query);
    const ids = page?.rows.map((row) => row.id) ?? [];
    const parts = await clusterParts(db, ids, { withEvents: false });
    return pageAnswer('clusters', query, page, (row) =>
      viewCluster(row, parts.get(row.id), { withEvents: false }),
    );
  });

  app.post('/v2/clusters', clusterOperations.create, (request, reply) =>
    createClusters(context, options, request, reply),
  );

  app.post('/v1.1/clusters/multiple', onlyVersion1, (request, reply) =>
    createClusters(context, options, request, reply),
  );

  app.get<ById>('/v2/clusters/:id', clusterOperations.get, async (request) => {
    const row = await find(db, request.principal.projectId, request.params.id);
    checkQuery(request, 'clusters_get');
    const { show_progress } = request.query as { show_progress?: string | string[] };
    // Python's clients write `True`.
    const withEvents = [show_progress].flat()[0]?.toLowerCase() === 'true';
    return { cluster: await showCluster(db, row, { withEvents }) };
  });

  app.patch<ById>('/v2/clusters/:id', clusterOperations.update, async (request, reply) => {
    const { projectId } = request.principal;
    const found = await find(db, projectId, request.params.id);
    const body = readBody(ClusterUpdate, request);
    if (body.verification !== undefined) {
      await startVerification(provisioning, found, request, body);
      reply.code(202);
      return { cluster: await showCluster(db, found, { withEvents: false }) };
    }
    const row = await db.transaction().execute(async (tx) => {
      const old = await find(tx, projectId, request.params.id, 'update');
      checkMayUpdate('ClusterResource', old, projectId, body);
      if (body.update_keypair)
        throw new ApiError(
          400,
          'UPDATE_FAILED',
          `update_keypair: the cloud '${old.cloud}' has no key pairs`,
          {
            fields: [['update_keypair']],
          },
        );
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
    return { cluster: await showCluster(db, row, { withEvents: false }) };
  });

  app.put<ById>('/v2/clusters/:id', clusterOperations.scale, (request, reply) =>
    scaleCluster(context, options, request, reply),
  );

  app.delete<ById>('/v2/clusters/:id', clusterOperations.delete, async (request, reply) => {
    const { projectId } = request.principal;
    const { id, force, stack } = await db.transaction().execute(async (tx) => {
      const row = await find(tx, projectId, request.params.id, 'update');
      const body = readBody(ClusterDelete, request);
      checkMayDelete('ClusterResource', row, projectId);
      checkQuery(request, 'clusters_delete');
      const change = await setStatus(tx, row.id, 'Deleting');
      if (change === 'changed') await context.events.append(statusEvent(row, 'Deleting'), tx);
      return { id: row.id, force: body.force, stack: (await findAdoption(tx, row.id))?.heat_stack ?? null };
    });
    await options.provisioning.deleteCluster(id);
    if (!force) return reply.code(204).send();
    // Where Sahara made it, its stack is left behind; no cloud of ours keeps one.
    return { stack_name: stack };
  });
}

async function find(db: Kysely<Schema>, projectId: string, id: string, lock?: 'update') {
  const row = await findVisible(db, 'cluster', projectId, id, lock);
  if (!row) throw notFound({ id });
  return row;
}

async function refuseTakenName(db: Kysely<Schema>, projectId: string, name: string): Promise<void> {
  if (await isNameVisible(db, 'cluster', projectId, name)) throw nameTaken('Cluster', name);
}
