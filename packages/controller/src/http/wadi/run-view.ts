import type { Right, Run, RunTarget, RunTargetError } from '@wadi/api';
import type { RunRow, RunTargetRow } from '../../storage/runs.ts';

/** A run as the API shows it. What was run may hold anything, so only those who may run something see it. */
export function viewOfRun(
  run: RunRow,
  targets: readonly RunTargetRow[],
  { rights }: { readonly rights: ReadonlySet<Right> },
): Run {
  return {
    id: run.id,
    cluster_id: run.cluster_id,
    command: rights.has('run') ? run.command : null,
    as_root: run.as_root,
    status: run.status,
    created_at: run.created_at.toISOString(),
    finished_at: run.finished_at?.toISOString() ?? null,
    targets: targets.map(viewOfTarget),
  };
}

function viewOfTarget(target: RunTargetRow): RunTarget {
  return {
    instance_id: target.instance_id,
    instance_name: target.instance_name,
    route: target.route,
    status: target.status,
    exit_status: target.exit_status,
    signal: target.signal,
    error: target.error as RunTargetError | null,
    stdout_bytes: Number(target.stdout_bytes),
    stderr_bytes: Number(target.stderr_bytes),
    truncated: target.truncated,
    started_at: target.started_at?.toISOString() ?? null,
    finished_at: target.finished_at?.toISOString() ?? null,
  };
}
