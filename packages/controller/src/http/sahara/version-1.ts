import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route speaks v1.1 of the contract: `hadoop_version` for `plugin_version`, `tenant_id` for `project_id`. */
    version1?: boolean;
  }
}

/**
 * Gives every v2 route of this scope a twin in v1.1 with the same handler. What differs is said once: names of fields
 * here, bodies by `readBody`, query keys by `readListQuery`. Call before any route is added.
 */
export function addVersion1(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    const method = version1Method(String(route.method), route.url);
    if (method === null || route.config?.version1) return;
    const twin: RouteOptions = {
      method,
      url: route.url.replace('/v2/', '/v1.1/'),
      handler: route.handler,
      ...onlyVersion1,
      config: { ...route.config, ...onlyVersion1.config },
    };
    app.route(twin);
  });
}

/** The options of a route that speaks v1.1 and has no twin in v2. */
export const onlyVersion1 = {
  config: { version1: true },
  preSerialization: async (_request: FastifyRequest, _reply: unknown, payload: unknown) =>
    inVersion1(payload),
} as const;

/** v1.1 has other routes for these. */
const onlyInVersion2 = /^\/v2\/images\/:id\/tags/;

function version1Method(method: string, url: string): string | null {
  // Fastify adds those of HEAD itself.
  if (!url.startsWith('/v2/') || method === 'HEAD' || onlyInVersion2.test(url)) return null;
  const updatesTemplate = method === 'PATCH' && /^\/v2\/(node-group|cluster)-templates\//.test(url);
  return updatesTemplate ? 'PUT' : method;
}

export function isVersion1(request: FastifyRequest): boolean {
  return request.routeOptions.config.version1 === true;
}

/** What a plugin's version is called in the words of the request. */
export function versionField(request: FastifyRequest): 'hadoop_version' | 'plugin_version' {
  return isVersion1(request) ? 'hadoop_version' : 'plugin_version';
}

type Fields = Readonly<Record<string, unknown>>;

/** Under each root key is one object or a list of them; only these and a cluster's steps have fields of another name. */
function inVersion1(payload: unknown): unknown {
  if (!isFields(payload)) return payload;
  return Object.fromEntries(
    Object.entries(payload).map(([root, value]) => [
      root,
      root === 'fields' ? oldNames(value, payload) : rename(value),
    ]),
  );
}

/** Of an error: what is wrong in the request. What `readBody` says of it is in the request's words already. */
function oldNames(fields: unknown, { error_name }: Fields): unknown {
  if (error_name === 'VALIDATION_ERROR' || !Array.isArray(fields)) return fields;
  return fields.map((field) => (field === 'plugin_version' ? 'hadoop_version' : field));
}

function rename(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(rename);
  if (!isFields(value)) return value;
  const { project_id, plugin_version, ...others } = value;
  const renamed: Record<string, unknown> = {};
  const neighbour = tenantFollows(value);
  for (const [key, item] of Object.entries(others)) {
    renamed[key] = key === 'provision_progress' ? rename(item) : item;
    // People read and compare these answers: keys stand where Sahara has them.
    if (key === neighbour && project_id !== undefined) renamed.tenant_id = project_id;
    if (key === 'plugin_name' && plugin_version !== undefined) renamed.hadoop_version = plugin_version;
  }
  return renamed;
}

function tenantFollows(fields: Fields): string {
  if ('step_name' in fields) return 'cluster_id';
  if ('versions' in fields) return 'versions';
  if ('node_groups' in fields && 'is_default' in fields) return 'anti_affinity';
  return 'description';
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
