import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { TObject, TSchema } from 'typebox';

/** What a route does, for `/openapi.json`; stands in its `config`. */
export interface Operation {
  /** Unique among all: generated clients call their method so. */
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  readonly description?: string;
  /** What the parameters of the path are. */
  readonly params?: Readonly<Record<string, string>>;
  /** What `readQuery`, `readListQuery` or `checkQuery` take. */
  readonly query?: TObject;
  /** What `readBody` or `bodyOf` take, or the media type of what is passed on. */
  readonly body?: TSchema | Content;
  /** By status; what goes wrong is added to all of them. */
  readonly answers: Readonly<Record<number, TSchema | Content | 'nothing'>>;
  /** Further statuses with which it is refused. */
  readonly refusals?: readonly number[];
}

/** What is not JSON. */
export interface Content {
  readonly mediaType: string;
  readonly description: string;
  /** Of JSON lines: one of them. */
  readonly schema?: TSchema;
  readonly headers?: Readonly<Record<string, TSchema>>;
}

export function isContent(of: TSchema | Content): of is Content {
  return 'mediaType' in of;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    operation?: Operation;
  }
}

export interface DocumentedRoute {
  readonly method: string;
  readonly url: string;
  readonly operation: Operation;
  /** Answered without a token. */
  readonly public: boolean;
}

/**
 * Remembers what is said of each route as it is added; call before any is. v1.1 is left out: it is v2 with the names
 * of old. So is HEAD, which is there for every GET.
 */
export function collectOperations(app: FastifyInstance): DocumentedRoute[] {
  const routes: DocumentedRoute[] = [];
  app.addHook('onRoute', ({ method: methods, url, config }) => {
    if (!config?.operation || config.version1) return;
    for (const method of [methods].flat())
      if (method !== 'HEAD')
        routes.push({ method, url, operation: config.operation, public: config.public === true });
  });
  return routes;
}

/** So that no route reads anything else than `/openapi.json` says. Those of v1.1 alone are not in there. */
export function checkIsDocumented(request: FastifyRequest, part: 'body' | 'query', schema: TSchema): void {
  const { config, url } = request.routeOptions;
  if (config.version1 && !config.operation) return;
  if (config.operation?.[part] !== schema)
    throw new Error(`the ${part} of ${request.method} ${url} is another one than its operation says`);
}

/** Options of a route that say what it does. */
export function documented(operation: Operation): { config: { operation: Operation } } {
  return { config: { operation } };
}
