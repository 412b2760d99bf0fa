import { randomUUID } from 'node:crypto';
import {
  ApiError,
  type ClusterExplanationAnswer,
  ExplainQuery,
  type InstanceExplanationAnswer,
  type InstanceVerdict,
  type InstanceVerdictAnswer,
} from '@wadi/api';
import { AccessError } from '@wadi/indirect-access';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ClusterAccess } from '../../access/cluster-access.ts';
import type { InstanceFacts } from '../../access/cluster-facts.ts';
import { type ExplainRequest, Explanations } from '../../access/explanations.ts';
import { appendAudit } from '../../storage/audit.ts';
import type { ClusterRow } from '../../storage/clusters.ts';
import type { HttpContext, Resource } from '../context.ts';
import { askPower } from './ask-power.ts';
import { askedBy } from './asked-by.ts';
import { callerGone } from './caller-gone.ts';
import { explainOperations } from './explain-operations.ts';
import { ownCluster } from './own-cluster.ts';
import { readQuery } from './read-query.ts';
import { unknownTargets } from './resolve-targets.ts';

/** Why machines cannot be reached: now, by looking, and as it was found last. */
export function explain(access: ClusterAccess): Resource {
  return (app, context) => {
    const { db, stopping } = context;
    const explanations = new Explanations(db, access);

    /** Looking is an access: recorded before it begins, and ended with its caller. */
    async function look<T>(
      request: FastifyRequest,
      reply: FastifyReply,
      cluster: ClusterRow,
      instance: InstanceFacts | null,
      work: (asked: ExplainRequest) => Promise<T>,
    ): Promise<T> {
      const { step_seconds: seconds } = readQuery(ExplainQuery, request);
      const signal = callerGone(reply, stopping);
      await record(context, request, cluster, instance);
      const stepDeadline = seconds === undefined ? undefined : seconds * 1000;
      try {
        return await work({ cluster, stepDeadline, signal, powerOf: askPower(context, cluster) });
      } catch (error) {
        if (signal.aborted)
          throw new ApiError(stopping.aborted ? 503 : 499, 'CANCELLED', 'The request was given up', {
            cause: error,
          });
        if (error instanceof AccessError && error.code === 'CLOSED')
          throw new ApiError(503, 'CLOSED', 'The controller stops', { retryable: true, cause: error });
        throw error;
      }
    }

    async function machineOf(request: FastifyRequest, cluster: ClusterRow): Promise<InstanceFacts> {
      const { instance: name } = request.params as { instance: string };
      const reach = await access.reach(cluster);
      const instance = reach.find(name);
      if (!instance) throw unknownTargets(reach.facts, [name]);
      return instance;
    }

    const { cluster: ofCluster, instance: ofInstance, lastOfCluster, lastOfInstance } = explainOperations;
    const path = '/v2/clusters/:cluster';
    app.get(`${path}/explain`, lastOfCluster, async (request): Promise<ClusterExplanationAnswer> => {
      return { explanation: await explanations.last(await ownCluster(db, request)) };
    });

    app.post(`${path}/explain`, ofCluster, async (request, reply): Promise<ClusterExplanationAnswer> => {
      const cluster = await ownCluster(db, request);
      return {
        explanation: await look(request, reply, cluster, null, (asked) => explanations.cluster(asked)),
      };
    });

    const instancePath = `${path}/instances/:instance/explain`;
    app.get(instancePath, lastOfInstance, async (request): Promise<InstanceVerdictAnswer> => {
      const cluster = await ownCluster(db, request);
      const { id } = await machineOf(request, cluster);
      const { verdicts } = await explanations.last(cluster);
      return { verdict: verdicts.find((each) => each.instance_id === id) as InstanceVerdict };
    });

    app.post(instancePath, ofInstance, async (request, reply): Promise<InstanceExplanationAnswer> => {
      const cluster = await ownCluster(db, request);
      const instance = await machineOf(request, cluster);
      return {
        explanation: await look(request, reply, cluster, instance, (asked) =>
          explanations.instance(asked, instance),
        ),
      };
    });
  };
}

async function record(
  { db }: HttpContext,
  request: FastifyRequest,
  cluster: ClusterRow,
  instance: InstanceFacts | null,
): Promise<void> {
  const which = instance ? { instance_id: instance.id, instance: instance.name } : {};
  const about = {
    access: 'explain',
    phase: 'begin',
    id: randomUUID(),
    ...askedBy(request),
    cluster_id: cluster.id,
    ...which,
  };
  await db.transaction().execute((tx) => appendAudit(tx, [{ projectId: cluster.project_id, about }]));
}
