import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Schema } from './schema.ts';

export type ListedTable = 'node_group_template' | 'cluster_template' | 'cluster';
type SortColumn = 'id' | 'name' | 'plugin_name' | 'plugin_version' | 'status' | 'created_at' | 'updated_at';
type FilterColumn = 'name' | 'plugin_name' | 'plugin_version';

/** Equal to `value` as text: a column, or a field of `spec` that counts as `standard` where it was not given. */
export type FieldFilter =
  | { readonly column: string; readonly value: string }
  | { readonly field: string; readonly standard: string | null; readonly value: string };

export interface ListQuery {
  /** Its own rows and everybody's public ones. */
  readonly projectId: string;
  readonly filters: Partial<Readonly<Record<FilterColumn, string>>>;
  readonly further: readonly FieldFilter[];
  readonly sortBy: SortColumn;
  readonly descending: boolean;
  /** null: all. */
  readonly limit: number | null;
  /** Id of the last row of the page before; null: from the beginning. */
  readonly marker: string | null;
}

export interface Page<Row> {
  readonly rows: Row[];
  /** Marker of the page after this one; null: this is the last. */
  readonly next: string | null;
  /** Marker of the page before this one; null: it is the first, or this one is. */
  readonly previous: string | null;
}

/** Keyset pagination: the rows read do not grow with the page number. null: the marker names no visible row. */
export async function listPage<Row extends { id: string }>(
  db: Kysely<Schema>,
  table: ListedTable,
  query: ListQuery,
): Promise<Page<Row> | null> {
  const { marker, limit } = query;
  const visible = sql`(project_id = ${query.projectId} or is_public)`;
  const conditions = [visible];
  for (const [column, value] of Object.entries(query.filters))
    conditions.push(sql`${sql.ref(column)} = ${value}`);
  conditions.push(...query.further.map(condition));

  const key = sortKey(query.sortBy);
  const after = sql.raw(query.descending ? '<' : '>');
  const before = sql.raw(query.descending ? '>' : '<');
  const forward = sql.raw(query.descending ? 'desc' : 'asc');
  const backward = sql.raw(query.descending ? 'asc' : 'desc');
  const from = sql`from ${sql.table(table)} where `;

  // The marker's key is read where it is compared: a JavaScript date would lose its microseconds.
  const markerKey = sql`(select ${key} ${from} id = ${marker}), ${marker}::uuid`;
  if (marker !== null) {
    const found = await sql`select 1 ${from} id = ${marker} and ${visible}`.execute(db);
    if (found.rows.length === 0) return null;
  }

  const rest = marker === null ? conditions : [...conditions, sql`(${key}, id) ${after} (${markerKey})`];
  const size = limit === null ? sql`` : sql`limit ${limit + 1}`;
  const { rows } = await sql<Row>`
    select * ${from} ${all(rest)} order by ${key} ${forward}, id ${forward} ${size}`.execute(db);

  let next: string | null = null;
  if (limit !== null && rows.length > limit) {
    rows.length = limit;
    next = rows.at(-1)?.id ?? null;
  }
  let previous: string | null = null;
  if (marker !== null && limit !== null) {
    const found = await sql<{ id: string }>`
      select id ${from} ${all([...conditions, sql`(${key}, id) ${before} (${markerKey})`])}
      order by ${key} ${backward}, id ${backward} offset ${limit - 1} limit 1`.execute(db);
    previous = found.rows[0]?.id ?? null;
  }
  return { rows, next, previous };
}

/** Rows that were never changed come first: a null would drop out of every comparison. */
function sortKey(column: SortColumn): RawBuilder<unknown> {
  return column === 'updated_at' ? sql`coalesce(updated_at, '-infinity')` : sql`${sql.ref(column)}`;
}

function condition(filter: FieldFilter): RawBuilder<unknown> {
  if ('column' in filter) return sql`${columnText(filter.column)} = ${filter.value}`;
  return sql`coalesce(spec ->> ${filter.field}::text, ${filter.standard}::text) = ${filter.value}`;
}

/** Dates as the API shows them. */
function columnText(column: string): RawBuilder<unknown> {
  if (!column.endsWith('_at')) return sql`${sql.ref(column)}::text`;
  return sql`to_char(${sql.ref(column)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')`;
}

function all(conditions: readonly RawBuilder<unknown>[]): RawBuilder<unknown> {
  return sql.join(conditions, sql` and `);
}
