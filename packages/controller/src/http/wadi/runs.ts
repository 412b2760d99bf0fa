import { randomUUID } from 'node:crypto';
import {
  ApiError,
  type RunAnswer,
  type RunList,
  RunListQuery,
  RunQuery,
  RunRequest,
  runLimits,
} from '@wadi/api';
import type { FastifyRequest } from 'fastify';
import type { ClusterAccess } from '../../access/cluster-access.ts';
import type { RunExecutor } from '../../access/run-executor.ts';
import { runInputPurpose, writeRunInput } from '../../access/run-input.ts';
import { appendAudit } from '../../storage/audit.ts';
import type { ClusterRow } from '../../storage/clusters.ts';
import { brokenConstraint } from '../../storage/constraint.ts';
import {
  findRun,
  insertRun,
  listRuns,
  listTargets,
  type RunRow,
  type RunTargetRow,
  requestCancellation,
  runChannel,
} from '../../storage/runs.ts';
import type { HttpContext, Resource } from '../context.ts';
import { requireRight } from '../route-rights.ts';
import { askedBy } from './asked-by.ts';
import { callerGone } from './caller-gone.ts';
import { bodyOf } from './check-body.ts';
import { isUuid, notFound, ownCluster } from './own-cluster.ts';
import { readQuery } from './read-query.ts';
import { runOperations } from './run-operations.ts';
import { digestOf, plainRunRequest } from './run-request.ts';
import { viewOfRun } from './run-view.ts';
import { targetsOf } from './targets-of.ts';

export interface RunResourceParts {
  readonly access: ClusterAccess;
  readonly executor: RunExecutor;
  /** Who executes what is inserted here. */
  readonly controllerId: string;
}

/** Bytes of a request: the largest standard input as base64, and the rest. */
const bodyLimit = Math.ceil(runLimits.stdin * 1.4) + 1024 * 1024;

/** Every machine of the largest cluster named, and arguments or an environment as long as they may be. */
const mostValues = 60_000;

/** Commands on machines of a cluster. */
export function runs(parts: RunResourceParts): Resource {
  return (app, context) => {
    const { db, stopping, drain } = context;
    const { config } = runOperations.create;
    const options = { bodyLimit, config: { ...config, mostValues } };
    app.post('/v2/clusters/:cluster/runs', options, async (request, reply): Promise<RunAnswer> => {
      const cluster = await ownCluster(db, request);
      const wanted = bodyOf(RunRequest, request);
      if (wanted.as_root) requireRight(request, 'root');
      const run = await findOrStartRun(parts, context, cluster, wanted, request);
      reply.code(202);
      return answer(context, request, run);
    });

    app.get('/v2/clusters/:cluster/runs', runOperations.list, async (request): Promise<RunList> => {
      const cluster = await ownCluster(db, request);
      const { limit = 100, marker } = readQuery(RunListQuery, request);
      if (marker !== undefined) await runOf(context, cluster, marker);
      const rows = await listRuns(db, cluster.id, { limit, ...(marker === undefined ? {} : { marker }) });
      const ids = rows.map((row) => row.id);
      const targets = new Map<string, RunTargetRow[]>(ids.map((id) => [id, []]));
      for (const target of await listTargets(db, ids)) targets.get(target.run_id)?.push(target);
      return { runs: rows.map((row) => viewOfRun(row, targets.get(row.id) ?? [], request.principal)) };
    });

    app.get(
      '/v2/clusters/:cluster/runs/:run',
      runOperations.get,
      async (request, reply): Promise<RunAnswer> => {
        const cluster = await ownCluster(db, request);
        const { wait = 0 } = readQuery(RunQuery, request);
        const run = await endOfRun(
          context,
          cluster,
          runId(request),
          wait * 1000,
          callerGone(reply, stopping, drain.left),
        );
        return answer(context, request, run);
      },
    );

    app.post(
      '/v2/clusters/:cluster/runs/:run/cancel',
      runOperations.cancel,
      async (request, reply): Promise<RunAnswer> => {
        const cluster = await ownCluster(db, request);
        const run = await runOf(context, cluster, runId(request));
        if (run.status === 'running') await cancel(context, request, run);
        parts.executor.cancel(run.id);
        reply.code(202);
        return answer(context, request, run);
      },
    );
  };
}

/** Whichever controller executes it ends it. Its records say who asked for it; who ended it may be somebody else. */
async function cancel({ db }: HttpContext, request: FastifyRequest, run: RunRow): Promise<void> {
  const about = {
    access: 'run',
    phase: 'cancel',
    id: run.id,
    ...askedBy(request),
    cluster_id: run.cluster_id,
  };
  await db.transaction().execute(async (tx) => {
    if (await requestCancellation(tx, run.id)) await appendAudit(tx, [{ projectId: run.project_id, about }]);
  });
}

/** The run of this request's id: inserted and started by exactly one request, found by every other. */
async function findOrStartRun(
  { access, executor, controllerId }: RunResourceParts,
  { db, secrets }: HttpContext,
  cluster: ClusterRow,
  wanted: RunRequest,
  request: FastifyRequest,
): Promise<RunRow> {
  const id = (wanted.id ?? randomUUID()).toLowerCase();
  const plain = plainRunRequest(wanted);
  const digest = digestOf(id, cluster.id, plain);
  const known = await findRun(db, id);
  if (known) return sameRun(known, digest);
  if (cluster.status === 'Deleting')
    throw new ApiError(400, 'INVALID_REFERENCE', `Cluster ${cluster.name} is being deleted`);
  const { facts } = await access.reach(cluster);
  const targets = await targetsOf(db, cluster, facts, plain.targets);
  // Who logs in as root is root, whether it was asked for or not.
  if (targets.some(({ loginUser }) => loginUser === 'root')) requireRight(request, 'root');
  const { input } = plain;
  const empty = input.stdin === null && Object.keys(input.env).length === 0;
  const insert = db.transaction().execute(async (tx) => {
    const secret = empty ? null : await secrets.put(runInputPurpose, cluster.id, writeRunInput(input), tx);
    const done = await insertRun(tx, {
      id,
      projectId: cluster.project_id,
      clusterId: cluster.id,
      digest,
      command: plain.command,
      asRoot: plain.asRoot,
      inputSecretId: secret,
      timeoutSeconds: plain.timeoutSeconds,
      maxOutputBytes: plain.maxOutputBytes,
      owner: controllerId,
      askedBy: askedBy(request),
      targets,
    });
    if (!done && secret) await secrets.delete(secret, tx);
    return done;
  });
  const inserted = await insert.catch((error) => {
    throw brokenConstraint(error) === 'reference' ? notFound(cluster.id) : error;
  });
  if (inserted) {
    // At once: nothing that could fail may come between, and a cancellation finds it.
    executor.start(inserted, cluster, targets);
    return inserted;
  }
  const other = await findRun(db, id);
  if (!other) throw notFound(id);
  return sameRun(other, digest);
}

function sameRun(run: RunRow, digest: string): RunRow {
  if (run.request_digest === digest) return run;
  throw new ApiError(409, 'CONFLICT', `Run ${run.id} exists already and was asked for differently`, {
    hint: 'take a new id for a new run; repeat a request exactly as it was',
  });
}

function runId(request: FastifyRequest): string {
  return (request.params as { run: string }).run;
}

export async function runOf({ db }: HttpContext, cluster: ClusterRow, id: string): Promise<RunRow> {
  const run = isUuid(id) ? await findRun(db, id) : undefined;
  if (run?.cluster_id !== cluster.id) throw notFound(id);
  return run;
}

async function answer({ db }: HttpContext, request: FastifyRequest, run: RunRow): Promise<RunAnswer> {
  return { run: viewOfRun(run, await listTargets(db, [run.id]), request.principal) };
}

async function endOfRun(
  context: HttpContext,
  cluster: ClusterRow,
  id: string,
  wait: number,
  signal: AbortSignal,
): Promise<RunRow> {
  const deadline = performance.now() + wait;
  for (;;) {
    // Begin to wait before looking: what is said in between is heard.
    const woken = new AbortController();
    const left = Math.max(0, deadline - performance.now());
    const either = AbortSignal.any([signal, woken.signal]);
    const notice = context.notifications.wait(runChannel, id, left, either);
    try {
      const run = await runOf(context, cluster, id);
      if (run.status !== 'running' || left === 0 || signal.aborted) return run;
      await notice;
    } finally {
      woken.abort();
    }
  }
}
