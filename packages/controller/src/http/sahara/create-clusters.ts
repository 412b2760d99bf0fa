import { ApiError, ClusterCreate, ClusterCreateMultiple } from '@wadi/api';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { accessMethodField, chosenAccessMethod } from '../../clusters/wadi-configs.ts';
import { secretsPurpose } from '../../provisioning/plugin-at-work.ts';
import { type ClusterRow, insertCluster } from '../../storage/clusters.ts';
import { brokenConstraint } from '../../storage/constraint.ts';
import type { HttpContext } from '../context.ts';
import { requireRootFor } from '../require-root.ts';
import { checkCloudAccepts } from './ask-cloud.ts';
import { checkQuotas } from './check-quotas.ts';
import {
  checkClusterReferences,
  checkNetworkReference,
  checkNodeGroupReferences,
  findUserKey,
  type ReferencePlace,
} from './check-references.ts';
import { checkQuery } from './list-query.ts';
import { clusterRows, type PlannedCluster, planCluster } from './plan-cluster.ts';
import { pluginsOf } from './plugins.ts';
import { readBody } from './read-body.ts';
import { invalidReference, nameTaken } from './refusals.ts';
import type { SaharaOptions } from './sahara-resources.ts';
import { isVersion1 } from './version-1.ts';
import { showCluster, statusEvent } from './view-cluster.ts';

/** v1.1 has a path of its own for them; v2 sees it from the `count`. */
const multiplePath = '/v1.1/clusters/multiple';

/** One cluster, or `count` of them: all or none. */
export async function createClusters(
  context: HttpContext,
  { plugins, provisioning, defaultCloud, methodOf, problemOf }: SaharaOptions,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const { db } = context;
  const { projectId } = request.principal;
  const multiple = isVersion1(request) && request.routeOptions.url === multiplePath;
  const body = readBody(multiple ? ClusterCreateMultiple : ClusterCreate, request);
  const plan = await planCluster(db, await pluginsOf(db, plugins, projectId), projectId, body);
  // Whoever made a template, and where: who makes machines of it answers for what is done on them as root.
  const groupConfigs = plan.nodeGroups.map(({ values }) => values.node_configs);
  requireRootFor(request, plan.release, plan.spec.cluster_configs, ...groupConfigs);
  const cloud = context.clouds.get(defaultCloud ?? '');
  if (!cloud)
    throw new ApiError(400, 'INVALID_REFERENCE', 'There is no cloud to create machines in', {
      hint: 'import machines that exist with POST /v2/clusters/import, or start the controller with --openstack or --sandbox',
    });
  const userKey = await findUserKey(cloud, request, plan.spec);
  await checkReferences({ db, cloud, projectId }, plan);
  const chosen = chosenAccessMethod(plan.spec.cluster_configs);
  const access = chosen === undefined ? {} : { method: chosen };
  const accessMethod = methodOf({ cloud: cloud.name, project_id: projectId, access });
  if (chosen !== undefined && chosen !== accessMethod)
    throw refusedMethod(`the machines of the cloud '${cloud.name}' are reached by ${accessMethod} alone`);
  const asked = await checkCloudAccepts(cloud, projectId, plan, accessMethod);
  if (chosen !== undefined) {
    // What the cluster will know of its network once it is there.
    const facts = await cloud.findNetworkFacts?.(asked);
    const problem = problemOf({
      ...{ cloud: cloud.name, project_id: projectId, spec: { ...plan.spec } },
      access: { ...facts, ...access },
    });
    if (problem !== null) throw refusedMethod(problem);
  }
  // Each by itself: a security group is one cluster's.
  const wanted = plan.names.flatMap(() => plan.nodeGroups);
  await checkQuotas(cloud, projectId, wanted, body.count === undefined ? [] : [['count']]);
  checkQuery(request, 'clusters_create');

  const fields = {
    project_id: projectId,
    plugin_name: body.plugin_name,
    plugin_version: body.plugin_version,
    cloud: cloud.name,
    is_public: body.is_public ?? false,
    is_protected: body.is_protected ?? false,
    user_public_key: userKey,
    access: JSON.stringify(access),
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
        if (plan.pluginSecrets)
          await context.secrets.put(secretsPurpose, row.id, JSON.stringify(plan.pluginSecrets), tx);
        inserted.push(row);
      }
      // Last, in every transaction: whoever tells an event keeps the others of the project waiting.
      for (const row of inserted) await context.events.append(statusEvent(row, 'Validating'), tx);
      return inserted;
    })
    .catch((error) => {
      if (brokenConstraint(error) !== 'reference') throw error;
      throw invalidReference('A template that the cluster is built from was deleted in the meantime');
    });
  for (const row of rows) await provisioning.createCluster(row.id);

  reply.code(202);
  const clusters = await Promise.all(rows.map((row) => showCluster(db, row, { withEvents: false })));
  if (multiple) return { clusters: rows.map(({ id }) => id) };
  if (body.count === undefined) return { cluster: clusters[0] };
  return { clusters: clusters.map((cluster) => ({ cluster })) };
}

function refusedMethod(why: string): ApiError {
  return new ApiError(400, 'INVALID_DATA', `${accessMethodField.join('.')}: ${why}`, {
    fields: [accessMethodField],
  });
}

async function checkReferences(place: ReferencePlace, { release, spec, nodeGroups }: PlannedCluster) {
  await checkClusterReferences(place, release, spec, { complete: true });
  for (const { values, where } of nodeGroups) await checkNodeGroupReferences(place, release, values, where);
  await checkNetworkReference(place, spec, { complete: true });
}
