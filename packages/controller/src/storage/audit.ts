import { createHash } from 'node:crypto';
import type { AuditVerdict } from '@wadi/api';
import { type Kysely, type Selectable, sql } from 'kysely';
import type { Database } from './database.ts';
import { noteOpenAccesses } from './open-accesses.ts';
import type { AuditTable, Schema } from './schema.ts';

/** What happened; the time is added here. No secret, no output. */
export interface AuditRecord {
  readonly projectId: string;
  readonly about: Readonly<Record<string, unknown>>;
  /** The access that begins with it, and the controller that will see its end. */
  readonly opens?: { readonly id: string; readonly owner: string };
  /** The access that ends with it. */
  readonly closes?: string;
}

export type AuditRow = Selectable<AuditTable>;

/** Rows of one insert, or of one page of the verification. */
const batch = 1000;
const beforeAll = { sequence: 0, hash: '0'.repeat(64) };

/**
 * Adds records to their projects' chains. The row of a chain is locked until the transaction ends, so that two writers
 * never follow the same record; take it last.
 */
export async function appendAudit(tx: Kysely<Schema>, records: readonly AuditRecord[]): Promise<void> {
  if (records.length === 0) return;
  const projects = [...new Set(records.map((record) => record.projectId))].sort();
  await tx
    .insertInto('audit_chain')
    .values(projects.map((project_id) => ({ project_id })))
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  // In one order for everyone: two writers of two projects must not wait for each other.
  const chains = await tx
    .selectFrom('audit_chain')
    .selectAll()
    .where('project_id', 'in', projects)
    .orderBy('project_id')
    .forUpdate()
    .execute();
  const heads = new Map(
    chains.map((each) => [each.project_id, { sequence: Number(each.sequence), hash: each.hash }]),
  );
  const at = new Date();
  const rows = records.map(({ projectId, about }) => {
    const head = heads.get(projectId) ?? { ...beforeAll };
    const record = JSON.stringify({ at: at.toISOString(), ...about });
    const row = { project_id: projectId, sequence: head.sequence + 1, at, record, previous: head.hash };
    const hash = hashOf(row);
    heads.set(projectId, { sequence: row.sequence, hash });
    return { ...row, hash };
  });
  for (let from = 0; from < rows.length; from += batch)
    await tx
      .insertInto('audit')
      .values(rows.slice(from, from + batch))
      .execute();
  for (const [project, head] of heads)
    await tx.updateTable('audit_chain').set(head).where('project_id', '=', project).execute();
  await noteOpenAccesses(tx, records);
}

function hashOf(row: Omit<AuditRow, 'hash' | 'sequence' | 'at'> & { sequence: number | string }): string {
  const text = [row.previous, row.project_id, row.sequence, row.record].join('\n');
  return createHash('sha256').update(text).digest('hex');
}

/** Oldest first, after a sequence. */
export function listAudit(
  db: Kysely<Schema>,
  projectId: string,
  { after, limit }: { after: number; limit: number },
): Promise<AuditRow[]> {
  return db
    .selectFrom('audit')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('sequence', '>', String(after))
    .orderBy('sequence')
    .limit(limit)
    .execute();
}

/** Follows a project's chain from its first record to its last, and tells the first place where it is broken. */
export async function verifyAudit(db: Database, projectId: string): Promise<AuditVerdict> {
  return await db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (tx) => {
      const chain = await tx
        .selectFrom('audit_chain')
        .selectAll()
        .where('project_id', '=', projectId)
        .executeTakeFirst();
      let last = chain
        ? { sequence: Number(chain.removed_sequence), hash: chain.removed_hash }
        : { ...beforeAll };
      const newest = Number(chain?.sequence ?? 0);
      let records = 0;
      const broken = (problem: string): AuditVerdict => ({ intact: false, records, newest, problem });
      for (;;) {
        const page = await listAudit(tx, projectId, { after: last.sequence, limit: batch });
        for (const row of page) {
          records += 1;
          const problem = problemOf(row, last);
          if (problem) return broken(problem);
          last = { sequence: Number(row.sequence), hash: row.hash };
        }
        if (page.length < batch) break;
      }
      const earlier = await tx
        .selectFrom('audit')
        .select('sequence')
        .where('project_id', '=', projectId)
        .where('sequence', '<=', chain?.removed_sequence ?? '0')
        .executeTakeFirst();
      if (earlier) return broken(`record ${earlier.sequence} was inserted before the first`);
      if (last.sequence !== newest || last.hash !== (chain?.hash ?? beforeAll.hash))
        return broken(`the newest record should be ${newest}, and is ${last.sequence}`);
      return { intact: true, records, newest, problem: null };
    });
}

function problemOf(row: AuditRow, last: { sequence: number; hash: string }): string | null {
  if (Number(row.sequence) !== last.sequence + 1) return `record ${last.sequence + 1} is missing`;
  if (row.previous !== last.hash) return `record ${row.sequence} does not follow the one before it`;
  if (row.hash !== hashOf(row)) return `record ${row.sequence} was changed`;
  if (timeIn(row.record) !== timeOf(row)) return `the time of record ${row.sequence} was changed`;
  return null;
}

/** Who changed a record may have written anything. */
function timeIn(record: string): unknown {
  try {
    return (JSON.parse(record) as { at?: unknown } | null)?.at;
  } catch {
    return null;
  }
}

function timeOf({ at }: Pick<AuditRow, 'at'>): string {
  const time: unknown = at;
  // The driver gives PostgreSQL's infinity as a number.
  return time instanceof Date && !Number.isNaN(time.getTime()) ? time.toISOString() : String(time);
}

/** Removes what is older than a moment, oldest first without gaps, and remembers where the chain goes on. */
export async function pruneAudit(db: Database, before: Date): Promise<number> {
  const chains = await db.selectFrom('audit_chain').select('project_id').orderBy('project_id').execute();
  let removed = 0;
  // In small transactions: whoever wants to begin an access in the project waits for each of them.
  for (const { project_id: project } of chains) {
    for (let count = batch; count === batch; removed += count)
      count = await db.transaction().execute((tx) => pruneOldest(tx, project, before));
  }
  return removed;
}

/** One batch of a project's records, at most. */
async function pruneOldest(tx: Kysely<Schema>, project: string, before: Date): Promise<number> {
  await sql`select set_config('wadi.audit_retention', 'on', true)`.execute(tx);
  await tx
    .selectFrom('audit_chain')
    .select('project_id')
    .where('project_id', '=', project)
    .forUpdate()
    .execute();
  const oldest = await tx
    .selectFrom('audit')
    .select(['sequence', 'hash', 'at'])
    .where('project_id', '=', project)
    .orderBy('sequence')
    .limit(batch)
    .execute();
  const kept = oldest.findIndex(({ at }) => at >= before);
  const old = kept === -1 ? oldest : oldest.slice(0, kept);
  const last = old.at(-1);
  if (!last) return 0;
  await tx
    .deleteFrom('audit')
    .where('project_id', '=', project)
    .where('sequence', '<=', last.sequence)
    .execute();
  await tx
    .updateTable('audit_chain')
    .set({ removed_sequence: Number(last.sequence), removed_hash: last.hash })
    .where('project_id', '=', project)
    .execute();
  return old.length;
}
