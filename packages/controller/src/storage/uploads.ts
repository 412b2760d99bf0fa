import { type Kysely, type Selectable, sql } from 'kysely';
import { appendAudit } from './audit.ts';
import { cancelChannel } from './runs.ts';
import type { Schema, UploadTable, UploadTargetTable } from './schema.ts';
import { storableJson } from './storable.ts';

export type UploadRow = Selectable<UploadTable>;
export type UploadTargetRow = Selectable<UploadTargetTable>;

export interface NewUpload {
  readonly id: string;
  readonly projectId: string;
  readonly clusterId: string;
  readonly digest: string;
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  readonly mode: number | null;
  readonly asRoot: boolean;
  readonly askedBy: object;
  readonly targets: readonly { readonly id: string; readonly name: string; readonly route: string | null }[];
}

/** undefined: there is an upload with this id already. The audit log has it before a byte is sent. */
export async function insertUpload(tx: Kysely<Schema>, upload: NewUpload): Promise<UploadRow | undefined> {
  const { id, targets } = upload;
  const inserted = await tx
    .insertInto('upload')
    .values({
      id,
      project_id: upload.projectId,
      cluster_id: upload.clusterId,
      request_digest: upload.digest,
      path: upload.path,
      size: upload.size,
      sha256: upload.sha256,
      mode: upload.mode,
      as_root: upload.asRoot,
      status: 'receiving',
      asked_by: JSON.stringify(upload.askedBy),
    })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .returningAll()
    .executeTakeFirst();
  if (!inserted) return undefined;
  const rows = targets.map(({ id: instance_id, name: instance_name, route }) => ({
    ...{ upload_id: id, instance_id, instance_name, route },
    status: 'receiving' as const,
  }));
  for (let from = 0; from < rows.length; from += 5000)
    await tx
      .insertInto('upload_target')
      .values(rows.slice(from, from + 5000))
      .execute();
  await audit(tx, inserted, rows, 'begin');
  return inserted;
}

export function findUpload(db: Kysely<Schema>, id: string): Promise<UploadRow | undefined> {
  return db.selectFrom('upload').selectAll().where('id', '=', id).executeTakeFirst();
}

export function listUploadTargets(db: Kysely<Schema>, uploadId: string): Promise<UploadTargetRow[]> {
  return db
    .selectFrom('upload_target')
    .selectAll()
    .where('upload_id', '=', uploadId)
    .orderBy('instance_name')
    .execute();
}

export interface TargetProgress {
  readonly instanceId: string;
  readonly offset: number;
  readonly route: string | null;
  readonly status: 'receiving' | 'done' | 'failed';
  readonly error: object | null;
}

/** Notes how far machines are. What has ended stays as it ended; with the last of them the upload is over. */
export async function noteProgress(
  tx: Kysely<Schema>,
  { id }: UploadRow,
  progress: readonly TargetProgress[],
): Promise<void> {
  // Before its targets, in one order for everybody.
  const [upload] = await tx
    .updateTable('upload')
    .set({ touched_at: new Date() })
    .where('id', '=', id)
    .where('status', '=', 'receiving')
    .returningAll()
    .execute();
  if (!upload || progress.length === 0) return;
  const rows = sql.join(
    progress.map(
      (
        each,
      ) => sql`(${each.instanceId}::uuid, ${each.offset}::bigint, ${each.route}::text, ${each.status}::text,
        ${each.error ? storableJson(each.error) : null}::jsonb)`,
    ),
  );
  const { rows: changed } = await sql<UploadTargetRow>`
    update upload_target set byte_offset = v.byte_offset, route = coalesce(v.route, upload_target.route),
      status = v.status, error = v.error,
      finished_at = case v.status when 'receiving' then null else now() end
    from (values ${rows}) as v (instance_id, byte_offset, route, status, error)
    where upload_target.upload_id = ${id} and upload_target.instance_id = v.instance_id
      and upload_target.status = 'receiving'
    returning upload_target.*`.execute(tx);
  const ended = changed.filter(({ status }) => status !== 'receiving');
  if (ended.length === 0) return;
  await sql`
    update upload set status = 'finished', finished_at = now() where id = ${id} and status = 'receiving'
      and not exists (select from upload_target where upload_id = ${id} and status = 'receiving')`.execute(
    tx,
  );
  await audit(tx, upload, ended, 'end');
}

/** Ends an upload that is not over. False: it is over already. */
export async function cancelUpload(tx: Kysely<Schema>, id: string): Promise<boolean> {
  const [upload] = await tx
    .updateTable('upload')
    .set({ status: 'cancelled', finished_at: new Date() })
    .where('id', '=', id)
    .where('status', '=', 'receiving')
    .returningAll()
    .execute();
  if (!upload) return false;
  const ended = await tx
    .updateTable('upload_target')
    .set({ status: 'cancelled', finished_at: new Date() })
    .where('upload_id', '=', id)
    .where('status', '=', 'receiving')
    .returningAll()
    .execute();
  await audit(tx, upload, ended, 'end');
  await sql`select pg_notify(${cancelChannel}, '')`.execute(tx);
  return true;
}

/** Of these, the ones that are over. */
export async function listOver(db: Kysely<Schema>, ids: readonly string[]): Promise<UploadRow[]> {
  if (ids.length === 0) return [];
  return db
    .selectFrom('upload')
    .selectAll()
    .where('id', '=', sql<string>`any(${[...ids]}::uuid[])`)
    .where('status', '!=', 'receiving')
    .execute();
}

/** Uploads that nobody went on with since a moment. */
export function listAbandonedUploads(db: Kysely<Schema>, before: Date): Promise<UploadRow[]> {
  return db
    .selectFrom('upload')
    .selectAll()
    .where('status', '=', 'receiving')
    .where('touched_at', '<', before)
    .execute();
}

async function audit(
  tx: Kysely<Schema>,
  upload: UploadRow,
  targets: readonly Pick<UploadTargetRow, 'instance_id' | 'instance_name' | 'route' | 'status'>[],
  phase: 'begin' | 'end',
): Promise<void> {
  await appendAudit(
    tx,
    targets.map((target) => ({
      projectId: upload.project_id,
      about: {
        access: 'upload',
        phase,
        id: upload.id,
        ...upload.asked_by,
        cluster_id: upload.cluster_id,
        instance_id: target.instance_id,
        instance: target.instance_name,
        route: target.route,
        as_root: upload.as_root,
        path: upload.path,
        ...(phase === 'begin' ? { size: Number(upload.size), sha256: upload.sha256 } : endOf(target)),
      },
    })),
  );
}

function endOf(target: object) {
  const { status, byte_offset, error } = target as UploadTargetRow;
  const { code = null } = (error ?? {}) as { code?: string };
  return { status, bytes: Number(byte_offset), error: code };
}
