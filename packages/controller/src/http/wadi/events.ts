import { ApiError, type ClusterEventList } from '@wadi/api';
import type { Resource } from '../context.ts';
import { callerGone } from './caller-gone.ts';
import { isUuid, notFound } from './own-cluster.ts';
import { queryNumber, queryText } from './query-number.ts';

/** What happened in a cluster, in order; also of one that is gone, since its events outlive it. */
export const clusterEvents: Resource = (app, { events, stopping }) => {
  app.get('/v2/clusters/:cluster/events', async (request, reply): Promise<ClusterEventList> => {
    const { cluster: clusterId } = request.params as { cluster: string };
    if (!isUuid(clusterId)) throw notFound(clusterId);
    const after = queryText(request, 'after');
    if (after !== undefined && !/^\d{1,18}$/.test(after))
      throw new ApiError(400, 'INVALID_DATA', `after is '${after}'; it must be the sequence of an event`);
    const found = await events.list({
      projectId: request.principal.projectId,
      clusterId,
      ...(after === undefined ? {} : { after }),
      wait: queryNumber(request, 'wait', { least: 0, most: 60, otherwise: 0 }) * 1000,
      signal: callerGone(reply, stopping),
    });
    return {
      events: found.map(({ sequence, type, body, createdAt }) => ({
        sequence,
        type,
        body,
        created_at: createdAt.toISOString(),
      })),
    };
  });
};
