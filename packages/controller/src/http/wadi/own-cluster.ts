import { ApiError } from '@wadi/api';
import type { FastifyRequest } from 'fastify';
import { type ClusterRow, findCluster } from '../../storage/clusters.ts';
import type { Database } from '../../storage/database.ts';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * The cluster of the path, when it belongs to the caller's project. A public cluster of another project can be looked
 * at, but nobody else gets to its machines.
 */
export async function ownCluster(db: Database, request: FastifyRequest): Promise<ClusterRow> {
  const { cluster: id } = request.params as { cluster: string };
  const cluster = isUuid(id) ? await findCluster(db, id) : undefined;
  if (cluster?.project_id !== request.principal.projectId) throw notFound(id);
  return cluster;
}

export function isUuid(text: string): boolean {
  return uuid.test(text);
}

/** In Sahara's words. */
export function notFound(id: string): ApiError {
  return new ApiError(404, 'NOT_FOUND', `Object with {'id': '${id}'} not found`);
}
