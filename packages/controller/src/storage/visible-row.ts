import { isUuid } from '@wadi/api';
import type { Kysely, Selectable } from 'kysely';
import type { ListedTable } from './list-page.ts';
import type { Schema } from './schema.ts';

/**
 * A row that the project may see: its own or a public one. An id that is no UUID finds nothing.
 * `lock` keeps it from being deleted (`share`) or changed (`update`) until the transaction ends.
 */
export async function findVisible<T extends ListedTable>(
  db: Kysely<Schema>,
  table: T,
  projectId: string,
  id: string,
  lock?: 'share' | 'update',
): Promise<Selectable<Schema[T]> | undefined> {
  if (!isUuid(id)) return undefined;
  // kysely cannot follow the columns of a table that is a parameter; all three have these.
  let query = db
    .selectFrom(table as 'cluster')
    .selectAll()
    .where('id', '=', id)
    .where((eb) => eb.or([eb('project_id', '=', projectId), eb('is_public', '=', true)]));
  if (lock === 'share') query = query.forShare();
  if (lock === 'update') query = query.forUpdate();
  return (await query.executeTakeFirst()) as Selectable<Schema[T]> | undefined;
}

/** Whether a row that the project sees has the name already. */
export async function isNameVisible(
  db: Kysely<Schema>,
  table: ListedTable,
  projectId: string,
  name: string,
): Promise<boolean> {
  const found = await db
    .selectFrom(table as 'cluster')
    .select('id')
    .where('name', '=', name)
    .where((eb) => eb.or([eb('project_id', '=', projectId), eb('is_public', '=', true)]))
    .limit(1)
    .execute();
  return found.length > 0;
}
