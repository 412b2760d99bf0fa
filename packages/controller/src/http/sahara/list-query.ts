import { ApiError, isUuid, ListQuery as ListQuerySchema, listFilters, paging } from '@wadi/api';
import type { FastifyRequest } from 'fastify';
import type { FieldFilter, ListQuery, Page } from '../../storage/list-page.ts';
import { checkIsDocumented } from '../openapi/operation.ts';
import { pythonText } from './python-text.ts';
import { notFound } from './refusals.ts';
import { isVersion1 } from './version-1.ts';

const pagingKeys = Object.keys(paging);
const filters = Object.keys(listFilters) as (keyof typeof listFilters)[];

/** v2 takes no query keys but the ones of its operation; `handler` is the name that Sahara's message has. */
export function checkQuery(request: FastifyRequest, handler: string): void {
  if (isVersion1(request)) return;
  const { properties = {} } = request.routeOptions.config.operation?.query ?? {};
  checkKeys(request.query as object, handler, Object.keys(properties));
}

function checkKeys(query: object, handler: string, known: readonly string[]): void {
  if (Object.keys(query).every((key) => known.includes(key) || pagingKeys.includes(key))) return;
  throw new ApiError(
    400,
    'INVALID_PARAMS_ON_REQUEST',
    `The only valid params for ${handler} are ${pythonText(known)} and ${pythonText(pagingKeys)}`,
    { idInMessage: false },
  );
}

/** The last two are the names in v1.1 and in v2 of one field; the real client sorts v2 by the first. */
const sortFields: Readonly<Record<string, ListQuery['sortBy']>> = {
  id: 'id',
  name: 'name',
  plugin_name: 'plugin_name',
  created_at: 'created_at',
  updated_at: 'updated_at',
  hadoop_version: 'plugin_version',
  plugin_version: 'plugin_version',
};

interface ListOptions {
  readonly handler: string;
  /** Fields to sort by besides those that everything has. */
  readonly furtherSortFields?: Readonly<Record<string, ListQuery['sortBy']>>;
  /** What v1.1 filters by besides the columns of every table: fields of `spec` with their defaults. */
  readonly specFields: Readonly<Record<string, unknown>>;
}

export function readListQuery(
  request: FastifyRequest,
  { handler, furtherSortFields, specFields }: ListOptions,
): ListQuery {
  checkIsDocumented(request, 'query', ListQuerySchema);
  const query = firstValues(request.query);
  // The real client asks v2 for `hadoop_version` where Sahara refuses it; taken, it does what was meant.
  if (query.hadoop_version !== undefined) {
    query.plugin_version ??= query.hadoop_version;
    delete query.hadoop_version;
  }
  const further = isVersion1(request) ? furtherFilters(query, specFields) : [];
  if (!isVersion1(request)) checkKeys(query, handler, filters);

  if (query.limit !== undefined && !/^0*[1-9][0-9]{0,8}$/.test(query.limit))
    throw new ApiError(400, 400, "'limit' must be positive integer");
  const sortBy = query.sort_by ?? 'id';
  const field = sortBy.replace(/^-/, '');
  const fields = { ...sortFields, ...furtherSortFields };
  const column = Object.hasOwn(fields, field) ? fields[field] : undefined;
  if (column === undefined) throw new ApiError(400, 400, `Unknown field for sorting ${field}`);
  if (query.marker !== undefined && !isUuid(query.marker)) throw notFound({ id: query.marker });

  const given = filters.flatMap((key) => (query[key] === undefined ? [] : [[key, query[key]] as const]));
  for (const [key, value] of given)
    if (value.includes('\0')) throw new ApiError(400, 'INVALID_DATA', `${key}: the value has a NUL in it`);
  return {
    projectId: request.principal.projectId,
    filters: Object.fromEntries(given),
    further,
    sortBy: column,
    descending: sortBy.startsWith('-'),
    limit: query.limit === undefined ? null : Number(query.limit),
    marker: query.marker ?? null,
  };
}

const rowFields = ['id', 'status', 'is_public', 'is_protected', 'created_at', 'updated_at'];

/** v1.1 takes every scalar field of what is listed. Sahara crashes over other keys; those are refused here. */
function furtherFilters(query: Record<string, string>, specFields: ListOptions['specFields']): FieldFilter[] {
  const others = Object.entries(query).filter(
    ([key]) => !(filters as readonly string[]).includes(key) && !pagingKeys.includes(key),
  );
  return others.map(([key, text]) => {
    if (text.includes('\0')) throw new ApiError(400, 'INVALID_DATA', `${key}: the value has a NUL in it`);
    if (key === 'tenant_id') return { column: 'project_id', value: text };
    if (rowFields.includes(key)) return { column: key, value: key.startsWith('is_') ? truth(text) : text };
    const field = key === 'is_proxy_gateway' ? 'is_proxy' : key;
    const standard = specFields[field];
    if (!Object.hasOwn(specFields, field) || (typeof standard === 'object' && standard !== null))
      throw new ApiError(400, 'INVALID_PARAMS_ON_REQUEST', `Unknown field for filtering ${key}`);
    const value = typeof standard === 'boolean' ? truth(text) : text;
    return { field, standard: standard === null ? null : String(standard), value };
  });
}

function truth(text: string): string {
  return /^(1|true|yes)$/i.test(text) ? 'true' : 'false';
}

/** The page under its key, with `markers` only where there is something to say. */
export function pageAnswer<Row>(
  key: string,
  query: ListQuery,
  page: Page<Row> | null,
  view: (row: Row) => object,
): Record<string, unknown> {
  if (page === null) throw notFound({ id: query.marker ?? '' });
  const rows = page.rows.map(view);
  if (page.next === null && page.previous === null && query.marker === null) return { [key]: rows };
  return { [key]: rows, markers: { prev: page.previous, next: page.next } };
}

/** Of a key that was given twice, the first counts. */
function firstValues(query: unknown): Record<string, string> {
  const entries = Object.entries(query as Record<string, string | string[]>);
  return Object.fromEntries(entries.map(([key, value]) => [key, [value].flat()[0] ?? '']));
}
