import type { FastifyInstance } from 'fastify';

/**
 * Which methods a path has. Fastify's router knows a path only together with its method, so that it answers 404 where
 * 405 is due; this remembers the routes as they are added. Call before any of them is.
 */
export function allowedMethods(app: FastifyInstance): (url: string) => string[] {
  const routes: { methods: string[]; pattern: RegExp }[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    routes.push({ methods: [method].flat(), pattern: pathPattern(url) });
  });
  return (url) => {
    const path = url.split('?', 1)[0] ?? '';
    const found = routes.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods);
    return [...new Set(found)].sort();
  };
}

function pathPattern(url: string): RegExp {
  const parts = url.split('/').map((part) => {
    if (part.startsWith(':')) return '[^/]+';
    if (part === '*') return '.*';
    return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('/')}$`);
}
