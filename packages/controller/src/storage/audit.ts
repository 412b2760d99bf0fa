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
  if ((JSON.parse(row.record) as { at?: unknown }).at !== row.at.toISOString())
    return `the time of record ${row.sequence} was changed`;
  return null;
}

/** Removes what is older than a moment, oldest first without gaps, and remembers where the chain goes on. */
export async function pruneAudit(db: Database, before: Date): Promise<number> {
  return await db.transaction().execute(async (tx) => {
    await sql`select set_config('wadi.audit_retention', 'on', true)`.execute(tx);
    let removed = 0;
    const chains = await tx.selectFrom('audit_chain').selectAll().orderBy('project_id').forUpdate().execute();
    for (const { project_id: project } of chains) {
      const kept = await tx
        .selectFrom('audit')
        .select((eb) => eb.fn.min('sequence').as('first'))
        .where('project_id', '=', project)
        .where('at', '>=', before)
        .executeTakeFirst();
      const newest = await tx
        .selectFrom('audit')
        .select(['sequence', 'hash'])
        .where('project_id', '=', project)
        .$if(Boolean(kept?.first), (query) => query.where('sequence', '<', kept?.first ?? ''))
        .orderBy('sequence', 'desc')
        .limit(1)
        .executeTakeFirst();
      if (!newest) continue;
      const { numDeletedRows } = await tx
        .deleteFrom('audit')
        .where('project_id', '=', project)
        .where('sequence', '<=', newest.sequence)
        .executeTakeFirstOrThrow();
      removed += Number(numDeletedRows);
      await tx
        .updateTable('audit_chain')
        .set({ removed_sequence: Number(newest.sequence), removed_hash: newest.hash })
        .where('project_id', '=', project)
        .execute();
    }
    return removed;
  });
}
