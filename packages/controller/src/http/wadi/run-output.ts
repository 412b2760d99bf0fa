import { ApiError, RunOutputQuery, runLimits } from '@wadi/api';
import { readOutput } from '../../storage/run-output.ts';
import { findTarget, runChannel, type Stream } from '../../storage/runs.ts';
import type { HttpContext, Resource } from '../context.ts';
import { callerGone } from './caller-gone.ts';
import { ownCluster } from './own-cluster.ts';
import { readQuery } from './read-query.ts';
import { runOperations } from './run-operations.ts';
import { runOf } from './runs.ts';

interface Wanted {
  readonly runId: string;
  readonly instance: string;
  readonly stream: Stream;
  readonly offset: number;
}

/** What a command wrote on one machine: bytes from an offset, so that a reader can go on where it was. */
export const runOutput: Resource = (app, context) => {
  app.get('/v2/clusters/:cluster/runs/:run/output', runOperations.output, async (request, reply) => {
    const cluster = await ownCluster(context.db, request);
    const run = await runOf(context, cluster, (request.params as { run: string }).run);
    const { instance, stream, offset = 0, wait = 0 } = readQuery(RunOutputQuery, request);
    const wanted = { runId: run.id, instance, stream, offset };
    const gone = callerGone(reply, context.stopping, context.drain.left);
    const { bytes, end } = await outputFrom(context, wanted, wait * 1000, gone);
    return reply
      .type('application/octet-stream')
      .header('Wadi-Next-Offset', String(offset + bytes.length))
      .header('Wadi-End', String(end))
      .send(bytes);
  });
};

async function outputFrom(
  { db, notifications }: HttpContext,
  { runId, instance, stream, offset }: Wanted,
  wait: number,
  signal: AbortSignal,
): Promise<{ bytes: Buffer; end: boolean }> {
  const target = () => findTarget(db, runId, instance);
  const id = (await target())?.instance_id;
  if (id === undefined) throw new ApiError(404, 'NOT_FOUND', `Run ${runId} has no target '${instance}'`);
  const deadline = performance.now() + wait;
  for (;;) {
    const woken = new AbortController();
    const left = Math.max(0, deadline - performance.now());
    const either = AbortSignal.any([signal, woken.signal]);
    const notice = notifications.wait(runChannel, `${runId}/${id}`, left, either);
    try {
      // The target first: what it wrote before it ended is committed with its end at the latest.
      const status = (await target())?.status;
      const source = { runId, instanceId: id, stream };
      const bytes = await readOutput(db, source, offset, runLimits.outputPage);
      const over = status !== 'pending' && status !== 'running';
      const end = over && bytes.length < runLimits.outputPage;
      if (bytes.length > 0 || end || left === 0 || signal.aborted) return { bytes, end };
      await notice;
    } finally {
      woken.abort();
    }
  }
}
