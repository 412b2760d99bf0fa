import { ApiError, type ClusterUpdate, type FieldPath } from '@wadi/api';
import type { FastifyRequest } from 'fastify';
import type { ClusterProvisioning } from '../../clusters/cluster-provisioning.ts';
import { checkOwner } from '../../clusters/ownership.ts';
import type { ClusterRow } from '../../storage/clusters.ts';
import { checkQuery } from './list-query.ts';

/** Protected clusters may be verified too: it changes nothing. */
export async function startVerification(
  provisioning: ClusterProvisioning,
  cluster: ClusterRow,
  request: FastifyRequest,
  body: ClusterUpdate,
): Promise<void> {
  if (Object.keys(body).length > 1)
    throw cannotVerify("Can't update verification with other updates", ['verification']);
  if (!provisioning.canVerify) throw cannotVerify('All verifications are disabled');
  if (cluster.status !== 'Active') throw cannotVerify("Cluster is not active or doesn't exists");
  checkOwner('ClusterResource', cluster, request.principal.projectId);
  checkQuery(request, 'clusters_update');
  const begun = await provisioning.verifyCluster(cluster.id);
  if (!begun) throw cannotVerify('Cluster verification in state CHECKING');
}

function cannotVerify(reason: string, ...fields: readonly FieldPath[]): ApiError {
  return new ApiError(400, 'CANNOT_VERIFY', `Cannot verify cluster. Reason: ${reason}`, { fields });
}
