import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openStorage, type Storage } from '../set-up/open-storage.ts';
import { type ServedRoutes, serveAllRoutes } from '../set-up/serve-all-routes.ts';
import { type OpenApi, operationsOf } from './document.ts';

let storage: Storage;
let served: ServedRoutes;
let document: OpenApi;

beforeAll(async () => {
  storage = await openStorage();
  served = await serveAllRoutes(storage);
  const url = await served.app.listen({ host: '127.0.0.1', port: 0 });
  const answer = await fetch(`${url}/openapi.json`);
  expect([answer.status, answer.headers.get('content-type')]).toEqual([
    200,
    expect.stringMatching(/^application\/json/),
  ]);
  document = (await answer.json()) as OpenApi;
});

afterAll(async () => {
  await served?.app.close();
  await storage?.close();
});

const inDocument = (url: string) => url.replaceAll(/:([A-Za-z_]+)/g, '{$1}').replace(/\*$/, '{path}');

it('every route of v2 and of Wadi itself is in the document, and nothing else', () => {
  const expected = served.routes
    .filter(({ method, url }) => method !== 'HEAD' && !url.startsWith('/v1.1/'))
    .map(({ method, url }) => `${method} ${inDocument(url)}`);
  expect(expected.length).toBeGreaterThan(60);
  const documented = operationsOf(document).map(({ method, path }) => `${method} ${path}`);
  expect(documented.sort()).toEqual([...expected, 'GET /openapi.json'].sort());
});

it('it is valid by the schema that the standard has for such documents', async () => {
  expect(document.openapi).toBe('3.1.0');
  const validator = new Validator();
  expect(await validator.validate(structuredClone({ ...document }))).toEqual({ valid: true });
  // As every reference leads somewhere, none is left.
  expect(JSON.stringify(validator.resolveRefs())).not.toContain('"$ref"');
});

it('says of each route which right it wants, as the server checks it, or that it wants no token', () => {
  const rights = new Map(
    served.app.guardedRoutes.map(({ method, url, right }) => [`${method} ${inDocument(url)}`, right]),
  );
  const free = operationsOf(document).filter(({ method, path, operation }) => {
    const right = rights.get(`${method} ${path}`);
    expect([path, operation['x-wadi-right']]).toEqual([path, right]);
    expect([path, operation.security]).toEqual([path, right === undefined ? [] : undefined]);
    return right === undefined;
  });
  expect(free.map(({ path }) => path).sort()).toEqual(['/', '/healthz', '/openapi.json', '/readyz']);
});

it('says of each route what it does, by a name of its own, and what comes back', () => {
  const all = operationsOf(document);
  const names = all.map(({ operation }) => operation.operationId);
  expect(new Set(names).size).toBe(names.length);
  for (const { path, operation } of all) {
    expect([path, operation.summary]).toEqual([path, expect.stringMatching(/^[A-Z].*\.$/)]);
    const inPath = operation.parameters.filter((one) => one.in === 'path').map(({ name }) => name);
    expect(inPath).toEqual([...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name));
    const good = Object.keys(operation.responses).filter((status) => /^[23]|^101$/.test(status));
    expect([path, good.length > 0]).toEqual([path, true]);
    expect(operation.responses).toHaveProperty('default');
  }
});

it('says what a body is made of wherever one is taken', () => {
  const without = operationsOf(document).filter(
    ({ method, operation }) => ['POST', 'PUT', 'PATCH'].includes(method) && !operation.requestBody,
  );
  // These take none.
  expect(without.map(({ operation }) => operation.operationId).sort()).toEqual([
    'cancelRun',
    'enrollAgent',
    'explainCluster',
    'explainInstance',
    'readmitProxy',
    'revokeToken',
    'startSandboxMachine',
    'stopSandboxMachine',
  ]);
});

it('gives the schemas that the code checks by under their names', () => {
  const { ClusterCreate, ClusterScale, RunRequest, Error: error } = document.components.schemas;
  expect(ClusterCreate).toMatchObject({
    additionalProperties: false,
    required: ['name', 'plugin_name', 'plugin_version'],
  });
  expect(ClusterScale).toMatchObject({
    anyOf: [{ required: ['resize_node_groups'] }, { required: ['add_node_groups'] }],
  });
  expect(RunRequest).toMatchObject({
    properties: { command: { anyOf: [{ type: 'string' }, { type: 'array' }] } },
  });
  const keys = ['error_code', 'error_name', 'error_message', 'error_id', 'fields', 'hint', 'retryable'];
  expect(Object.keys((error as { properties: object }).properties)).toEqual(keys);
});
