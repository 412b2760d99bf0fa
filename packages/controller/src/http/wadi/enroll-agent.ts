import { type AgentEnrollmentAnswer, ApiError } from '@wadi/api';
import type { Agents } from '../../agents/agents.ts';
import { appendAudit } from '../../storage/audit.ts';
import { listInstances } from '../../storage/instances.ts';
import type { Resource } from '../context.ts';
import { accessOperations } from './access-operations.ts';
import { askedBy } from './asked-by.ts';
import { ownCluster } from './own-cluster.ts';

/** A line for a machine that is to dial in. */
export function enrollAgent({ agents }: { readonly agents: Agents | null }): Resource {
  return (app, { db }) => {
    app.post<{ Params: { cluster: string; instance: string } }>(
      '/v2/clusters/:cluster/instances/:instance/agent',
      accessOperations.enroll,
      async (request, reply): Promise<AgentEnrollmentAnswer> => {
        const cluster = await ownCluster(db, request);
        const { instance: given } = request.params;
        const found = (await listInstances(db, cluster.id)).find(
          ({ name, id }) => name === given || id === given,
        );
        if (!found)
          throw new ApiError(404, 'NOT_FOUND', `Cluster '${cluster.name}' has no machine '${given}'`);
        if (!agents)
          throw new ApiError(409, 'CONFLICT', 'This controller takes no machines that dial in', {
            hint: 'start it with --agent-listen HOST:PORT',
          });
        const about = { access: 'admin', action: 'agent.enroll', ...askedBy(request), instance: found.name };
        const { projectId } = request.principal;
        const { line, expiresAt } = await db.transaction().execute(async (tx) => {
          await appendAudit(tx, [{ projectId, about: { ...about, cluster: cluster.id } }]);
          return agents.invite(found.id, tx);
        });
        reply.code(201);
        const { endpoint, hostKey: host_key } = agents;
        return { agent: { line, expires_at: expiresAt.toISOString(), endpoint, host_key } };
      },
    );
  };
}
