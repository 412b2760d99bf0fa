import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { inject } from 'vitest';
import { ownTokens } from '../../packages/controller/src/auth/own-tokens.ts';
import { SandboxCloud } from '../../packages/controller/src/clouds/sandbox/sandbox-cloud.ts';
import type { HttpContext, Resource } from '../../packages/controller/src/http/context.ts';
import { Drain } from '../../packages/controller/src/http/drain.ts';
import { health } from '../../packages/controller/src/http/health.ts';
import { saharaResources } from '../../packages/controller/src/http/sahara/sahara-resources.ts';
import { versionDocument } from '../../packages/controller/src/http/sahara/version-document.ts';
import { sandbox } from '../../packages/controller/src/http/sandbox.ts';
import { createServer } from '../../packages/controller/src/http/server.ts';
import { wadiResources } from '../../packages/controller/src/http/wadi/wadi-resources.ts';
import { loadPlugins } from '../../packages/controller/src/plugins/load-plugins.ts';
import type { Storage } from './open-storage.ts';

export interface ServedRoutes {
  readonly app: FastifyInstance;
  /** Every route that a resource has added, also without a token; the server's own are not among them. */
  readonly routes: readonly { readonly method: string; readonly url: string }[];
  /** All that the server has written into its log. */
  logged(): string;
}

/**
 * A server with every route that there is, not yet listening. No request to it may get so far that it would need
 * machines or workflows: there is no cluster.
 */
export async function serveAllRoutes(
  storage: Storage,
  extra: readonly Resource[] = [],
): Promise<ServedRoutes> {
  let logged = '';
  const write = (line: string) => {
    logged += line;
  };
  const log = pino({ level: 'info' }, { write });
  const directory = `${inject('runFolder')}/routes-${randomUUID()}`;
  const clouds = new Map([['sandbox', new SandboxCloud({ directory, apiHost: '127.0.0.1' })]]);
  const context = { ...storage, log, clouds, stopping: new AbortController().signal, drain: new Drain() };
  const parts = {
    plugins: await loadPlugins(),
    policy: { allowNetworks: [] },
    controllerId: randomUUID(),
    keeper: storage.keeper,
  } as never;
  const routes: { method: string; url: string }[] = [];
  const resources = [
    health,
    versionDocument,
    saharaResources(parts),
    ...wadiResources(parts),
    sandbox,
    ...extra,
  ];
  const app = await createServer({
    context: context as unknown as HttpContext,
    hosts: [],
    authenticator: ownTokens(storage.db, log),
    resources: resources.map(
      (resource): Resource =>
        async (scope, given) => {
          scope.addHook('onRoute', ({ method: methods, url }) => {
            for (const method of [methods].flat()) routes.push({ method, url });
          });
          await resource(scope, given);
        },
    ),
  });
  return { app, routes, logged: () => logged };
}
