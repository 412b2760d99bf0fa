import { type Kysely, type Selectable, sql } from 'kysely';
import { auditRunTargets } from './audit-runs.ts';
import { cancelForbidden } from './cancel-forbidden.ts';
import type { RunTable, RunTargetTable, Schema } from './schema.ts';
import { storable, storableJson } from './storable.ts';

export type RunRow = Selectable<RunTable>;
export type RunTargetRow = Selectable<RunTargetTable>;
export type Stream = 'stdout' | 'stderr';

/** Tells of changes; see `notifyRuns`. */
export const runChannel = 'wadi_run';
/** Tells, without saying which, that a run is to be ended. */
export const cancelChannel = 'wadi_cancel';

export interface NewRun {
  readonly id: string;
  readonly projectId: string;
  readonly clusterId: string;
  readonly digest: string;
  readonly command: string | readonly string[];
  readonly asRoot: boolean;
  readonly inputSecretId: string | null;
  readonly timeoutSeconds: number | null;
  readonly maxOutputBytes: number;
  readonly owner: string;
  /** For the audit log. */
  readonly askedBy?: object;
  readonly targets: readonly { readonly id: string; readonly name: string }[];
}

/** undefined: there is a run with this id already. The unique id decides which of two requests executes. */
export async function insertRun(tx: Kysely<Schema>, run: NewRun): Promise<RunRow | undefined> {
  const inserted = await tx
    .insertInto('run')
    .values({
      id: run.id,
      project_id: run.projectId,
      cluster_id: run.clusterId,
      request_digest: run.digest,
      command: JSON.stringify(run.command),
      as_root: run.asRoot,
      input_secret_id: run.inputSecretId,
      timeout_seconds: run.timeoutSeconds,
      max_output_bytes: run.maxOutputBytes,
      status: 'running',
      owner: run.owner,
      asked_by: JSON.stringify(run.askedBy ?? {}),
    })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .returningAll()
    .executeTakeFirst();
  if (!inserted) return undefined;
  for (let from = 0; from < run.targets.length; from += 5000) {
    await tx
      .insertInto('run_target')
      .values(
        run.targets.slice(from, from + 5000).map(({ id, name }) => ({
          run_id: run.id,
          instance_id: id,
          instance_name: name,
          status: 'pending' as const,
        })),
      )
      .execute();
  }
  return inserted;
}

export function findRun(db: Kysely<Schema>, id: string): Promise<RunRow | undefined> {
  return db.selectFrom('run').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Newest first, after the run `marker` in that order. */
export function listRuns(
  db: Kysely<Schema>,
  clusterId: string,
  page: { limit: number; marker?: string },
): Promise<RunRow[]> {
  const order = sql`(created_at, id)`;
  return db
    .selectFrom('run')
    .selectAll()
    .where('cluster_id', '=', clusterId)
    .$if(page.marker !== undefined, (query) =>
      query.where(
        sql<boolean>`${order} < (select created_at, id from run where id = ${page.marker ?? null})`,
      ),
    )
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(page.limit)
    .execute();
}

export function listTargets(db: Kysely<Schema>, runIds: readonly string[]): Promise<RunTargetRow[]> {
  return db
    .selectFrom('run_target')
    .selectAll()
    .where('run_id', '=', sql<string>`any(${runIds}::uuid[])`)
    .orderBy('instance_name')
    .execute();
}

export function findTarget(
  db: Kysely<Schema>,
  runId: string,
  instance: string,
): Promise<RunTargetRow | undefined> {
  return db
    .selectFrom('run_target')
    .selectAll()
    .where('run_id', '=', runId)
    .where((eb) =>
      eb.or([eb('instance_name', '=', instance), eb(sql`instance_id::text`, '=', instance.toLowerCase())]),
    )
    .executeTakeFirst();
}

export interface Claim {
  readonly runId: string;
  readonly instanceId: string;
  readonly route: string;
  readonly bootId: string;
}

/**
 * Those of the runs that are there and `owner`'s (null: anybody's), which they stay until the transaction ends: a controller
 * that another one took for dead changes nothing any more, and none is taken for dead with a transaction half done.
 */
export async function holdRuns(
  tx: Kysely<Schema>,
  ids: Iterable<string>,
  owner: string | null,
): Promise<Set<string>> {
  const rows = await tx
    .selectFrom('run')
    .select('id')
    .where('id', '=', sql<string>`any(${[...new Set(ids)]}::uuid[])`)
    .$if(owner !== null, (query) => query.where('owner', '=', owner as string))
    .orderBy('id')
    .forShare()
    .execute();
  return new Set(rows.map(({ id }) => id));
}

/**
 * Marks targets as started, before the machines are asked to. Only what was pending is claimed, so of two that want
 * to start the same command one may. Returns the claimed, as `run/instance`. `owner` null: whoever it is.
 */
export async function claimTargets(
  db: Kysely<Schema>,
  claims: readonly Claim[],
  owner: string | null = null,
): Promise<Set<string>> {
  return await db.transaction().execute(async (tx) => await claimAndRecord(tx, claims, owner));
}

async function claimAndRecord(
  tx: Kysely<Schema>,
  asked: readonly Claim[],
  owner: string | null,
): Promise<Set<string>> {
  const held = await holdRuns(
    tx,
    asked.map(({ runId }) => runId),
    owner,
  );
  const claims = asked.filter(({ runId }) => held.has(runId));
  if (claims.length === 0) return new Set();
  const cancelled = await cancelForbidden(tx, claims);
  const rows = sql.join(
    claims.map(
      ({ runId, instanceId, route, bootId }) =>
        sql`(${runId}::uuid, ${instanceId}::uuid, ${route}::text, ${bootId}::text)`,
    ),
  );
  const { rows: claimed } = await sql<{ run_id: string; instance_id: string }>`
    update run_target set status = 'running', started_at = now(), route = v.route, boot_id = v.boot_id
    from (values ${rows}) as v (run_id, instance_id, route, boot_id)
    where run_target.run_id = v.run_id and run_target.instance_id = v.instance_id
      and run_target.status = 'pending'
    returning run_target.run_id, run_target.instance_id`.execute(tx);
  await auditRunTargets(tx, 'end', cancelled);
  await auditRunTargets(tx, 'begin', claimed);
  if (cancelled.length > 0)
    await notifyRuns(
      tx,
      cancelled.map((row) => `${row.run_id}/${row.instance_id}`),
    );
  return new Set(claimed.map((row) => `${row.run_id}/${row.instance_id}`));
}

export interface TargetResult {
  readonly runId: string;
  readonly instanceId: string;
  readonly status: Exclude<RunTargetRow['status'], 'pending' | 'running'>;
  readonly exitStatus?: number | null;
  readonly signal?: string | null;
  readonly error?: object | null;
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  readonly truncated: boolean;
  /** The route in words; null: none was tried. */
  readonly route?: string | null;
}

/** What has ended stays as it ended. Returns what ended by this, as `run/instance`. Their runs are held. */
export async function finishTargets(
  db: Kysely<Schema>,
  results: readonly TargetResult[],
): Promise<Set<string>> {
  const rows = sql.join(
    results.map(
      (result) => sql`(${result.runId}::uuid, ${result.instanceId}::uuid, ${result.status}::text,
        ${statusOf(result)}::integer, ${result.signal ? storable(result.signal) : null}::text,
        ${result.error ? storableJson(result.error) : null}::jsonb,
        ${result.stdoutBytes}::bigint, ${result.stderrBytes}::bigint, ${result.truncated}::boolean,
        ${result.route ?? null}::text)`,
    ),
  );
  const { rows: finished } = await sql<{ run_id: string; instance_id: string }>`
    update run_target set status = v.status, exit_status = v.exit_status, signal = v.signal, error = v.error,
      stdout_bytes = v.stdout_bytes, stderr_bytes = v.stderr_bytes, truncated = v.truncated, finished_at = now(),
      route = coalesce(v.route, run_target.route)
    from (values ${rows}) as v (run_id, instance_id, status, exit_status, signal, error, stdout_bytes, stderr_bytes,
      truncated, route)
    where run_target.run_id = v.run_id and run_target.instance_id = v.instance_id
      and run_target.status in ('pending', 'running')
    returning run_target.run_id, run_target.instance_id`.execute(db);
  await auditRunTargets(db, 'end', finished);
  return new Set(finished.map((row) => `${row.run_id}/${row.instance_id}`));
}

/** An unsigned number on the wire (RFC 4254 section 6.10); what was negative on the machine is so again. */
function statusOf({ exitStatus }: TargetResult): number | null {
  return typeof exitStatus === 'number' ? exitStatus | 0 : null;
}

/** Ends a run none of whose targets is pending or running, and removes its input. */
export async function endRun(
  tx: Kysely<Schema>,
  id: string,
  status: 'finished' | 'cancelled',
): Promise<void> {
  const { rows } = await sql<{ secret: string | null }>`
    update run set status = ${status}, finished_at = now(), input_secret_id = null
    from (select id, input_secret_id as secret from run where id = ${id} for update) as before
    where run.id = before.id and run.status = 'running'
      and not exists (select from run_target where run_id = run.id and status in ('pending', 'running'))
    returning before.secret`.execute(tx);
  const secret = rows[0]?.secret;
  if (secret) await tx.deleteFrom('secret').where('id', '=', secret).execute();
}

/**
 * Makes a run another controller's. undefined: it is not `from`'s any more, or is over, or `from` is about to write of it:
 * look again later.
 */
export function takeRun(
  tx: Kysely<Schema>,
  id: string,
  { from, to }: { from: string; to: string },
): Promise<RunRow | undefined> {
  return tx
    .updateTable('run')
    .set({ owner: to })
    .where('id', '=', (eb) =>
      eb
        .selectFrom('run')
        .select('id')
        .where('id', '=', id)
        .where('owner', '=', from)
        .where('status', '=', 'running')
        .forNoKeyUpdate()
        .skipLocked(),
    )
    .returningAll()
    .executeTakeFirst();
}

export interface UnfinishedTarget {
  readonly instanceId: string;
  readonly instanceName: string;
  readonly claimed: boolean;
  /** Bytes that are stored. */
  readonly stdout: number;
  readonly stderr: number;
}

/** What is left to do of a run, and from where. */
export async function unfinishedTargets(db: Kysely<Schema>, id: string): Promise<UnfinishedTarget[]> {
  const stored = storedBytes;
  const { rows } = await sql<{
    instance_id: string;
    instance_name: string;
    status: string;
    o: string;
    e: string;
  }>`
    select instance_id, instance_name, status, ${stored('stdout')} as o, ${stored('stderr')} as e
    from run_target where run_id = ${id} and status in ('pending', 'running')`.execute(db);
  return rows.map((row) => ({
    instanceId: row.instance_id,
    instanceName: row.instance_name,
    claimed: row.status === 'running',
    stdout: Number(row.o),
    stderr: Number(row.e),
  }));
}

function storedBytes(stream: Stream) {
  return sql<number>`coalesce((
    select max(byte_offset + length(chunk)) from run_output o
    where o.run_id = run_target.run_id and o.instance_id = run_target.instance_id and o.stream = ${stream}), 0)`;
}

/** Marks a run as to be ended, wherever it runs; its controller is told. False: it has ended. */
export async function requestCancellation(tx: Kysely<Schema>, id: string): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('run')
    .set({ cancelled_at: sql`coalesce(cancelled_at, now())` })
    .where('id', '=', id)
    .where('status', '=', 'running')
    .executeTakeFirst();
  if (numUpdatedRows === 0n) return false;
  await sql`select pg_notify(${cancelChannel}, '')`.execute(tx);
  return true;
}

/** Runs of this controller that are to be ended. */
export async function listCancelled(db: Kysely<Schema>, owner: string): Promise<string[]> {
  const rows = await db
    .selectFrom('run')
    .select('id')
    .where('status', '=', 'running')
    .where('owner', '=', owner)
    .where('cancelled_at', 'is not', null)
    .execute();
  return rows.map(({ id }) => id);
}

/** Runs that are not over and whose controller is not `owner`. */
export function listForeignRuns(
  db: Kysely<Schema>,
  owner: string,
): Promise<Pick<RunRow, 'id' | 'owner' | 'cluster_id'>[]> {
  return db
    .selectFrom('run')
    .select(['id', 'owner', 'cluster_id'])
    .where('status', '=', 'running')
    .where('owner', '!=', owner)
    .execute();
}

/**
 * Settles a run that nobody can go on with. What was started may or may not have ended: `unknown`, and never started
 * again. What was not started never will be: `cancelled`.
 */
export async function settleRun(
  tx: Kysely<Schema>,
  id: string,
  errors: { unknown: object; cancelled: object },
): Promise<void> {
  const stored = storedBytes;
  // Before its targets, in one order with those who write of it.
  await tx.selectFrom('run').select('id').where('id', '=', id).forUpdate().execute();
  const { rows: settled } = await sql<{ run_id: string; instance_id: string }>`
    update run_target set finished_at = now(), stdout_bytes = ${stored('stdout')}, stderr_bytes = ${stored('stderr')},
      error = case status when 'running' then ${JSON.stringify(errors.unknown)}::jsonb
        else ${JSON.stringify(errors.cancelled)}::jsonb end,
      status = case status when 'running' then 'unknown' else 'cancelled' end
    where run_id = ${id} and status in ('pending', 'running')
    returning run_id, instance_id`.execute(tx);
  await auditRunTargets(tx, 'end', settled);
  await endRun(tx, id, 'finished');
}

/** Wakes who waits for these: ids of runs, or `<run id>/<instance id>` for the output of one target. */
export async function notifyRuns(db: Kysely<Schema>, payloads: Iterable<string>): Promise<void> {
  const all = [...new Set(payloads)];
  await sql`select pg_notify(${runChannel}, payload) from unnest(${all}::text[]) as payload`.execute(db);
}
