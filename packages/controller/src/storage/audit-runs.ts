import { type Kysely, sql } from 'kysely';
import { appendAudit } from './audit.ts';
import { redactCommand } from './redact-command.ts';
import type { Schema } from './schema.ts';

interface Target {
  readonly run_id: string;
  readonly instance_id: string;
}

/** Records that commands on machines begin or have ended; in the transaction that says so to everybody else. */
export async function auditRunTargets(
  tx: Kysely<Schema>,
  phase: 'begin' | 'end',
  targets: readonly Target[],
): Promise<void> {
  if (targets.length === 0) return;
  const runs = targets.map((each) => each.run_id);
  const instances = targets.map((each) => each.instance_id);
  const rows = await tx
    .selectFrom('run_target')
    .innerJoin('run', 'run.id', 'run_target.run_id')
    .selectAll('run_target')
    .leftJoin('instance', 'instance.id', 'run_target.instance_id')
    .select(['run.project_id', 'run.cluster_id', 'run.as_root', 'run.asked_by', 'instance.login_user'])
    .where(
      sql<boolean>`(run_target.run_id, run_target.instance_id) in
        (select * from unnest(${runs}::uuid[], ${instances}::uuid[]))`,
    )
    .orderBy('run_target.instance_name')
    .execute();
  const commands = phase === 'begin' ? await redactedCommands(tx, runs) : new Map<string, string>();
  await appendAudit(
    tx,
    rows.map((row) => ({
      projectId: row.project_id,
      about: {
        access: 'run',
        phase,
        id: row.run_id,
        ...row.asked_by,
        cluster_id: row.cluster_id,
        instance_id: row.instance_id,
        instance: row.instance_name,
        route: row.route,
        as_root: row.as_root || row.login_user === 'root',
        ...(phase === 'begin'
          ? { command: commands.get(row.run_id) }
          : {
              status: row.status,
              exit_status: row.exit_status,
              signal: row.signal,
              error: (row.error as { code?: string } | null)?.code ?? null,
              bytes: Number(row.stdout_bytes) + Number(row.stderr_bytes),
            }),
      },
    })),
  );
}

/** Once for each run: a long command on many machines would be read and gone through for each of them. */
async function redactedCommands(
  tx: Kysely<Schema>,
  runs: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await tx
    .selectFrom('run')
    .select(['id', 'command'])
    .where('id', '=', sql<string>`any(${[...new Set(runs)]}::uuid[])`)
    .execute();
  return new Map(rows.map(({ id, command }) => [id, redactCommand(command)]));
}
