import { type Kysely, type Selectable, sql } from 'kysely';
import type { AuditRecord } from './audit.ts';
import type { OpenAccessTable, Schema } from './schema.ts';

/** Follows the records that begin and end accesses; in their transaction. */
export async function noteOpenAccesses(tx: Kysely<Schema>, records: readonly AuditRecord[]): Promise<void> {
  const opened = records.flatMap(({ projectId, about, opens }) =>
    opens ? [{ ...opens, project_id: projectId, about: JSON.stringify(about) }] : [],
  );
  if (opened.length > 0) await tx.insertInto('open_access').values(opened).execute();
  const closed = records.flatMap(({ closes }) => closes ?? []);
  if (closed.length > 0)
    await tx.deleteFrom('open_access').where('id', '=', sql<string>`any(${closed}::uuid[])`).execute();
}

/** Controllers, besides one, that have accesses under way. */
export async function ownersOfAccesses(db: Kysely<Schema>, besides: string): Promise<string[]> {
  const rows = await db
    .selectFrom('open_access')
    .select('owner')
    .distinct()
    .where('owner', '!=', besides)
    .execute();
  return rows.map(({ owner }) => owner);
}

/** They are nobody's any more: whoever takes them records their end. */
export function takeAccesses(tx: Kysely<Schema>, owner: string): Promise<Selectable<OpenAccessTable>[]> {
  return tx.deleteFrom('open_access').where('owner', '=', owner).returningAll().execute();
}
