import { type ClusterEventList, ClusterEventQuery } from '@wadi/api';
import type { Resource } from '../context.ts';
import { callerGone } from './caller-gone.ts';
import { machineOperations } from './machine-operations.ts';
import { isUuid, notFound } from './own-cluster.ts';
import { readQuery } from './read-query.ts';

/** What happened in a cluster, in order; also of one that is gone, since its events outlive it. */
export const clusterEvents: Resource = (app, { events, stopping, drain }) => {
  app.get(
    '/v2/clusters/:cluster/events',
    machineOperations.events,
    async (request, reply): Promise<ClusterEventList> => {
      const { cluster: clusterId } = request.params as { cluster: string };
      if (!isUuid(clusterId)) throw notFound(clusterId);
      const { after, wait = 0 } = readQuery(ClusterEventQuery, request);
      const found = await events.list({
        projectId: request.principal.projectId,
        clusterId,
        ...(after === undefined ? {} : { after }),
        wait: wait * 1000,
        signal: callerGone(reply, stopping, drain.left),
      });
      return {
        events: found.map(({ sequence, type, body, createdAt }) => ({
          sequence,
          type,
          body,
          created_at: createdAt.toISOString(),
        })),
      };
    },
  );
};
