import { ApiError, type ProxyAnswer, ProxyDrain, ProxyPromotion } from '@wadi/api';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Kysely } from 'kysely';
import type { ClusterAccess } from '../../access/cluster-access.ts';
import { checkMayUpdate } from '../../clusters/ownership.ts';
import { closeDoor, isInUse, promoteMachine } from '../../provisioning/proxies/promote-machine.ts';
import { appendAudit } from '../../storage/audit.ts';
import type { ClusterRow } from '../../storage/clusters.ts';
import { type InstanceWithGroup, listInstances } from '../../storage/instances.ts';
import { removeDuty, setDuties } from '../../storage/proxy-duties.ts';
import type { Schema } from '../../storage/schema.ts';
import { findVisible } from '../../storage/visible-row.ts';
import type { HttpContext, Resource } from '../context.ts';
import { invalidReference } from '../sahara/refusals.ts';
import { askedBy } from './asked-by.ts';
import { callerGone } from './caller-gone.ts';
import { bodyOf } from './check-body.ts';
import { machineOperations } from './machine-operations.ts';
import { notFound, ownCluster } from './own-cluster.ts';
import { viewProxy } from './proxies.ts';

interface OfProxy {
  Params: { cluster: string; proxy: string };
}

/** Seconds that what is open through a drained proxy may take to end, unless the caller says otherwise. */
const defaultDeadline = 600;

/** Proxies are taken out of use and into use again, and machines become proxies. */
export function proxyDuties(access: ClusterAccess): Resource {
  return (app, context) => {
    const { db, stopping } = context;
    const path = '/v2/clusters/:cluster/proxies/:proxy';

    /** Changes a duty while nobody else does, and answers with how the proxy is then. */
    async function change(
      request: FastifyRequest<OfProxy>,
      work: (tx: Kysely<Schema>, cluster: ClusterRow, instance: InstanceWithGroup) => Promise<void>,
    ): Promise<ProxyAnswer> {
      const { id } = await ownCluster(db, request);
      await db.transaction().execute(async (tx) => {
        const cluster = await lock(tx, request, id);
        await work(tx, cluster, await theInstance(tx, cluster, request.params.proxy));
      });
      await access.duties.look();
      return show(request);
    }

    async function show(request: FastifyRequest<OfProxy>): Promise<ProxyAnswer> {
      const cluster = await ownCluster(db, request);
      const { id } = await theInstance(db, cluster, request.params.proxy);
      const found = (await access.health(cluster, id)).find(({ proxy }) => proxy.id === id);
      if (!found) throw unknown(cluster, request.params.proxy);
      return { proxy: viewProxy(found) };
    }

    app.post<OfProxy>(`${path}/drain`, machineOperations.drain, async (request, reply) => {
      const { deadline_seconds: seconds = defaultDeadline, force = false } = bodyOf(ProxyDrain, request);
      reply.code(202);
      return change(request, async (tx, cluster, instance) => {
        const { id: instanceId, name, duty } = instance;
        if (duty === 'fenced') throw conflict(`${name} is fenced: nothing goes through it anyway`);
        if (duty !== 'drained' && !isInUse(instance)) throw conflict(`${name} is no proxy`);
        if (!force && duty !== 'drained') await checkIsSpare(tx, access, cluster, instance);
        const deadline = new Date(Date.now() + seconds * 1000);
        await setDuties(tx, [{ instanceId, duty: 'drained', deadline }]);
        await record(context, tx, request, { cluster, instance, done: 'drain', told: 'drained' });
      });
    });

    app.post<OfProxy>(`${path}/readmit`, machineOperations.readmit, async (request) => {
      let wasPromoted = false;
      const answer = await change(request, async (tx, cluster, instance) => {
        const { id, name, duty, is_proxy } = instance;
        if (duty === null) return;
        if (duty === 'promoted')
          throw conflict(
            `${name} serves as a proxy`,
            `drain it first: wadi proxies drain ${cluster.name}/${name}`,
          );
        wasPromoted = !is_proxy;
        await removeDuty(tx, id);
        await record(context, tx, request, { cluster, instance, done: 'readmit', told: 'readmitted' });
      });
      if (wasPromoted) {
        const cluster = await ownCluster(db, request);
        await closeDoor(context, cluster, answer.proxy);
      }
      return answer;
    });

    app.post<OfProxy>(`${path}/promote`, machineOperations.promote, async (request, reply) => {
      const { fence = false } = bodyOf(ProxyPromotion, request);
      const signal = callerGone(reply as FastifyReply, stopping);
      const { id } = await ownCluster(db, request);
      const { cluster, instance } = await db.transaction().execute(async (tx) => {
        const cluster = await lock(tx, request, id);
        const instance = await theInstance(tx, cluster, request.params.proxy);
        if (instance.duty !== 'promoted') {
          checkMayBecome(cluster, instance);
          // To see whether it can, somebody has to log in.
          const about = { access: 'admin', action: 'proxy.try', ...askedBy(request), cluster: id };
          const who = { instance_id: instance.id, instance: instance.name };
          await appendAudit(tx, [{ projectId: cluster.project_id, about: { ...about, ...who } }]);
        }
        return { cluster, instance };
      });
      if (instance.duty === 'promoted') return show(request);
      const by = askedBy(request);
      const end = await promoteMachine(
        { ...context, access },
        { cluster, instanceId: instance.id, fence, by, signal },
      );
      if (end.kind === 'promoted') return show(request);
      if (end.kind === 'not-wanted') throw conflict(`${instance.name} was changed meanwhile: look again`);
      const [{ problem = 'it is gone' } = {}] = end.problems;
      throw conflict(
        `${instance.name} cannot serve as a proxy: ${problem}`,
        'it needs an address that the controller can dial, a known host key, and the way to the other machines',
      );
    });
  };
}

async function lock(tx: Kysely<Schema>, { principal }: FastifyRequest, id: string): Promise<ClusterRow> {
  const { projectId } = principal;
  const cluster = await findVisible(tx, 'cluster', projectId, id, 'update');
  if (!cluster) throw notFound(id);
  checkMayUpdate('ClusterResource', cluster, projectId, { proxies: true });
  if (cluster.status === 'Deleting') throw invalidReference(`Cluster '${cluster.name}' is being deleted`);
  return cluster;
}

async function theInstance(
  db: Kysely<Schema>,
  cluster: ClusterRow,
  nameOrId: string,
): Promise<InstanceWithGroup> {
  const id = nameOrId.toLowerCase();
  const found = (await listInstances(db, cluster.id)).find(
    (each) => each.name === nameOrId || each.id === id,
  );
  if (!found) throw unknown(cluster, nameOrId);
  return found;
}

function unknown({ name }: ClusterRow, given: string): ApiError {
  return new ApiError(404, 'NOT_FOUND', `Cluster '${name}' has no machine '${given}'`);
}

/** As far as this controller knows, the others do without it. */
async function checkIsSpare(
  tx: Kysely<Schema>,
  access: ClusterAccess,
  cluster: ClusterRow,
  { id, name }: InstanceWithGroup,
): Promise<void> {
  const stranded = await access.strandedWithout(tx, cluster, id);
  const [first] = stranded;
  if (!first) return;
  const more = stranded.length > 1 ? ` and ${stranded.length - 1} more` : '';
  throw conflict(
    `${name} is the only proxy that works by which ${first.name}${more} can be reached`,
    `bring another one up, or promote a machine (wadi proxies promote ${cluster.name}/NODE), or force it (--force)`,
  );
}

function checkMayBecome({ name: cluster }: ClusterRow, { name, is_proxy, duty }: InstanceWithGroup): void {
  const hint = `wadi proxies readmit ${cluster}/${name} takes it into use again`;
  if (duty !== null) throw conflict(`${name} is ${duty}`, hint);
  if (is_proxy) throw conflict(`${name} is a proxy already`);
}

interface Change {
  readonly cluster: ClusterRow;
  readonly instance: InstanceWithGroup;
  readonly done: string;
  readonly told: string;
}

async function record(
  { events }: HttpContext,
  tx: Kysely<Schema>,
  request: FastifyRequest,
  { cluster, instance, done, told }: Change,
): Promise<void> {
  const { id: clusterId, project_id: projectId } = cluster;
  const body = { instance_id: instance.id, instance: instance.name };
  await events.append({ projectId, clusterId, type: `proxy.${told}`, body }, tx);
  const about = {
    access: 'admin',
    action: `proxy.${done}`,
    ...askedBy(request),
    cluster: clusterId,
    ...body,
  };
  await appendAudit(tx, [{ projectId, about }]);
}

function conflict(message: string, hint?: string): ApiError {
  return new ApiError(409, 'CONFLICT', message, hint === undefined ? {} : { hint });
}
