import type { IncomingMessage } from 'node:http';

const uuid = /^([0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;
/** Keystone's projects have UUIDs, ours names such as `default`: known by what follows them. */
const resources = new Set([
  'plugins',
  'images',
  'node-group-templates',
  'cluster-templates',
  'clusters',
  'flavors',
  'sandbox',
  'tokens',
  'projects',
  'audit',
]);
const requestedProjects = new WeakMap<IncomingMessage, string>();

/**
 * Sahara has every route four times: with and without the project's id after the version, with and without `.json` at
 * the end. All of them become the plain one here; the project is remembered and compared with the token's.
 */
export function saharaPath(request: IncomingMessage): string {
  const url = request.url ?? '/';
  const [, path = url, query = ''] = /^([^?]*)(\?.*)?$/s.exec(url) ?? [];
  if (/^\/+$/.test(path)) return `/${query}`;
  const [empty, version, second, ...rest] = path.split('/');
  if (empty !== '' || !version || !/^v(1\.[01]|2)$/.test(version) || second === undefined) return url;
  const named = rest.length > 0 && (uuid.test(second) || (!resources.has(second) && isResource(rest[0])));
  if (named) requestedProjects.set(request, second.replaceAll('-', '').toLowerCase());
  const parts = named ? rest : [second, ...rest];
  const last = parts.at(-1) ?? '';
  // Names of a cluster's machines and paths inside their web pages are not ours to change; they are longer than any of
  // Sahara's.
  const longest = parts[0] === 'clusters' ? 3 : 4;
  if (parts.length <= longest && last.endsWith('.json') && last !== '.json')
    parts.splice(-1, 1, last.slice(0, -5));
  // What v1.1 has more than v1.0 is not offered in either.
  return `/${version === 'v1.0' ? 'v1.1' : version}/${parts.join('/')}${query}`;
}

function isResource(part = ''): boolean {
  return resources.has(part.replace(/\.json$/, ''));
}

/** The id in the path when it names another project than this one. */
export function namesOtherProject(request: IncomingMessage, projectId: string): boolean {
  const requested = requestedProjects.get(request);
  return requested !== undefined && requested !== projectId.replaceAll('-', '').toLowerCase();
}
