import { neutron } from '../reply.ts';
import type { Json } from '../routes.ts';

const notFilters = ['limit', 'marker', 'page_reverse', 'fields', 'sort_key', 'sort_dir'];

/** Whether a listing with this query has it. An unknown filter is refused, as `filter_validation` has it. */
export function matches(shown: Json, query: URLSearchParams): boolean {
  return [...new Set(query.keys())]
    .filter((name) => !notFilters.includes(name))
    .every((name) => {
      const values = query.getAll(name);
      const tags = values.flatMap((value) => value.split(','));
      const has = (tag: string) => shown.tags?.includes(tag);
      if (name === 'tags') return tags.every(has);
      if (name === 'tags-any') return tags.some(has);
      if (name === 'not-tags') return !tags.every(has);
      if (shown[name] === undefined)
        throw neutron(400, 'HTTPBadRequest', `['${name}'] is invalid attribute for filtering`);
      const value: unknown = shown[name];
      if (typeof value === 'boolean') return values.some((wanted) => wanted.toLowerCase() === String(value));
      if (name === 'fixed_ips') return values.every((wanted) => hasFixedIp(value as Json, wanted));
      return values.includes(value === null ? '' : String(value));
    });
}

/** `ip_address=10.20.0.5`, `subnet_id=…` */
function hasFixedIp(fixedIps: Json, wanted: string): boolean {
  const [key = '', value] = wanted.split('=');
  return fixedIps.some((one: Json) => one[key] === value);
}
