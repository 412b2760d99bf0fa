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

/**
 * Keyset pagination: the rows read do not grow with the page number, nor with what other projects have. null: the marker
 * names no visible row.
 */
export async function listPage<Row extends { id: string }>(
  db: Kysely<Schema>,
  table: ListedTable,
  query: ListQuery,
): Promise<Page<Row> | null> {
  const { marker, limit, descending } = query;
  if (marker !== null && !(await isVisible(db, table, query.projectId, marker))) return null;

  const rest = marker === null ? [] : [beyond(table, query, marker, descending)];
  const first =
    limit === null
      ? { order: order(query, descending) }
      : { order: order(query, descending), limit: limit + 1 };
  const { rows } = await sql<Row>`${visibleRows(table, query, rest, first)}`.execute(db);

  let next: string | null = null;
  if (limit !== null && rows.length > limit) {
    rows.length = limit;
    next = rows.at(-1)?.id ?? null;
  }
  let previous: string | null = null;
  if (marker !== null && limit !== null) {
    const before = [beyond(table, query, marker, !descending)];
    const page = visibleRows(table, query, before, { order: order(query, !descending), limit });
    const found = await sql<{ id: string }>`select id from (${page}) as page offset ${limit - 1}`.execute(db);
    previous = found.rows[0]?.id ?? null;
  }
  return { rows, next, previous };
}

async function isVisible(db: Kysely<Schema>, table: ListedTable, projectId: string, id: string) {
  const found = await sql`
    select 1 from ${sql.table(table)} where id = ${id} and (project_id = ${projectId} or is_public)`.execute(
    db,
  );
  return found.rows.length > 0;
}

/**
 * The project's own rows that nobody else sees, and everybody's public ones: apart, each is a range of an index in the
 * order that is asked for (migration 0006), and the beginning of both is all that is read.
 */
function visibleRows(
  table: ListedTable,
  query: ListQuery,
  rest: readonly RawBuilder<unknown>[],
  page: { readonly order: RawBuilder<unknown>; readonly limit?: number },
): RawBuilder<unknown> {
  const named = Object.entries(query.filters).map(([column, value]) => sql`${sql.ref(column)} = ${value}`);
  const conditions = [...named, ...query.further.map(condition), ...rest];
  const size = page.limit === undefined ? sql`` : sql`order by ${page.order} limit ${page.limit}`;
  const range = (visible: RawBuilder<unknown>) =>
    sql`(select * from ${sql.table(table)} where ${sql.join([visible, ...conditions], sql` and `)} ${size})`;
  const own = range(sql`project_id = ${query.projectId} and not is_public`);
  return sql`
    select * from (${own} union all ${range(sql`is_public`)}) as visible
    order by ${page.order} ${page.limit === undefined ? sql`` : sql`limit ${page.limit}`}`;
}

/** Further on than the marker, whose key is read where it is compared: a JavaScript date would lose its microseconds. */
function beyond(table: ListedTable, { sortBy }: ListQuery, marker: string, descending: boolean) {
  const than = sql.raw(descending ? '<' : '>');
  if (sortBy === 'id') return sql`id ${than} ${marker}::uuid`;
  const key = sortKey(sortBy);
  const markerKey = sql`(select ${key} from ${sql.table(table)} where id = ${marker})`;
  return sql`(${key}, id) ${than} (${markerKey}, ${marker}::uuid)`;
}

function order({ sortBy }: ListQuery, descending: boolean): RawBuilder<unknown> {
  const direction = sql.raw(descending ? 'desc' : 'asc');
  if (sortBy === 'id') return sql`id ${direction}`;
  return sql`${sortKey(sortBy)} ${direction}, id ${direction}`;
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
