import { type Kysely, sql } from 'kysely';

/**
 * A page of a list reads its own rows and no others: what a project sees are two ranges, its rows that nobody else sees
 * and everybody's public ones, and each is in the order of an index. Without these a page reads the whole table.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const table of ['node_group_template', 'cluster_template', 'cluster'])
    for (const [name, key] of sortKeys(table)) {
      const index = (range: string) => sql.ref(`${table}_${range}_by_${name}`);
      const columns = key === 'id' ? 'id' : `${key}, id`;
      const [on, ordered] = [sql.table(table), sql.raw(columns)];
      await sql`create index ${index('own')} on ${on} (project_id, ${ordered}) where not is_public`.execute(
        db,
      );
      await sql`create index ${index('public')} on ${on} (${ordered}) where is_public`.execute(db);
    }
  // What is known of an expression comes with the next look at the table, which may be far off where little changes.
  await sql`analyze node_group_template, cluster_template, cluster`.execute(db);
}

/** As storage/list-page.ts sorts. Rows that were never changed come first, under a key that is no null. */
function sortKeys(table: string): readonly (readonly [string, string])[] {
  const columns = ['id', 'name', 'plugin_name', 'plugin_version', 'created_at'];
  if (table === 'cluster') columns.push('status');
  return [
    ...columns.map((column) => [column, column] as const),
    ['updated_at', `coalesce(updated_at, '-infinity')`],
  ];
}
