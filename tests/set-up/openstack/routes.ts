import type { IncomingHttpHeaders } from 'node:http';
import type { Token } from './keystone/identity.ts';
import type { Reply } from './reply.ts';

// biome-ignore lint/suspicious/noExplicitAny: whatever was sent, each handler looks at what it takes
export type Json = any;

export interface Asked {
  readonly method: string;
  readonly path: string;
  /** By the names in the route's pattern. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Json;
  readonly token: Token;
  /** Of the token's project; empty: it is for none. */
  readonly project: string;
  /** Nova's microversion, without `2.`. */
  readonly version: number;
}

export type Handler = (asked: Asked) => Reply;

export interface Route {
  readonly method: string;
  /** `/compute/v2.1/servers/:id` */
  readonly pattern: string;
  readonly handler: Handler;
  /** Answers without a token, too. */
  readonly open?: boolean;
}

export interface Matched {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

/** Null: no service has it. */
export function match(routes: readonly Route[], method: string, path: string): Matched | null {
  const segments = path.split('/');
  for (const route of routes) {
    const parts = route.pattern.split('/');
    if (route.method !== method || parts.length !== segments.length) continue;
    const params: Record<string, string> = {};
    const fits = parts.every((part, index) => {
      const segment = segments[index] ?? '';
      if (!part.startsWith(':')) return part === segment;
      params[part.slice(1)] = decodeURIComponent(segment);
      return segment !== '';
    });
    if (fits) return { route, params };
  }
  return null;
}
