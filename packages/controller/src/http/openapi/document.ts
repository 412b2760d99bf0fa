import { STATUS_CODES } from 'node:http';
import { ErrorBody, type Right, UnauthorizedBody } from '@wadi/api';
import type { TObject, TSchema } from 'typebox';
import { NamedSchemas } from './named-schemas.ts';
import { type Content, type DocumentedRoute, isContent } from './operation.ts';

const json = 'application/json';

/** The OpenAPI 3.1 document of these routes; `rightOf` a method and path as they are registered. */
export function openApiDocument(
  routes: readonly DocumentedRoute[],
  rightOf: (method: string, url: string) => Right | undefined,
): object {
  const schemas = new NamedSchemas();
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = templateOf(route.url);
    paths[path] ??= {};
    paths[path][route.method.toLowerCase()] = operationObject(
      route,
      schemas,
      rightOf(route.method, route.url),
    );
  }
  const responses = {
    Unauthorized: answerObject(401, UnauthorizedBody, schemas),
    Refused: { ...answerObject(400, ErrorBody, schemas), description: 'Refused, or failed.' },
  };
  return {
    openapi: '3.1.0',
    info: {
      title: 'Wadi',
      version: '2.0',
      description:
        "Clusters of virtual machines of which only one has to be reachable. Version 2 of Sahara's API, and what Wadi has " +
        'beside it. Every path may have the id of the project after the version: `/v2/{project_id}/clusters`. Version 1.1 ' +
        'is not in here: it has the same paths, with `hadoop_version` for `plugin_version`, `tenant_id` for `project_id`, ' +
        'and PUT where templates have PATCH.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }, { bearer: [] }],
    paths,
    components: {
      securitySchemes: {
        token: { type: 'apiKey', in: 'header', name: 'X-Auth-Token' },
        bearer: { type: 'http', scheme: 'bearer' },
      },
      responses,
      schemas: schemas.used,
    },
  };
}

function operationObject(route: DocumentedRoute, schemas: NamedSchemas, right: Right | undefined): object {
  const { operation, method, url } = route;
  const { name, summary, description, body, query } = operation;
  return {
    operationId: name.replace('{method}', capitalized(method)),
    summary,
    ...(description && { description }),
    ...(route.public && { security: [] }),
    ...(right && { 'x-wadi-right': right }),
    parameters: [...pathParameters(url, operation.params), ...(query ? queryParameters(query, schemas) : [])],
    ...(body && method !== 'GET' && { requestBody: bodyObject(body, schemas) }),
    responses: {
      ...Object.fromEntries(
        Object.entries(operation.answers).map(([status, answer]) => [
          status,
          answerObject(Number(status), answer, schemas),
        ]),
      ),
      ...refusals(route),
    },
  };
}

/** Besides what the route itself does, everything on the way to it may fail. */
function refusals({ operation, url, ...route }: DocumentedRoute): Record<string, object> {
  const refused = [...(operation.refusals ?? [])];
  if (!route.public) refused.push(400, 403);
  if (url.includes(':')) refused.push(404);
  return {
    ...Object.fromEntries(refused.map((status) => [status, { $ref: '#/components/responses/Refused' }])),
    ...(!route.public && { 401: { $ref: '#/components/responses/Unauthorized' } }),
    default: { $ref: '#/components/responses/Refused' },
  };
}

/** `/a/:b/*` as `/a/{b}/{path}`: the standard has no word for a rest of several parts. */
function templateOf(url: string): string {
  return url.replaceAll(/:([A-Za-z_]+)/g, '{$1}').replace(/\*$/, '{path}');
}

function pathParameters(url: string, said: Readonly<Record<string, string>> = {}): object[] {
  return [...templateOf(url).matchAll(/\{([A-Za-z_]+)\}/g)].map(([, name = '']) => {
    const description = said[name];
    if (description === undefined) throw new Error(`${url}: nothing says what '${name}' is`);
    return { name, in: 'path', required: true, description, schema: { type: 'string' } };
  });
}

function queryParameters({ properties, required }: TObject, schemas: NamedSchemas): object[] {
  return Object.entries(properties).map(([name, schema]) => {
    const { description, ...others } = schema as TSchema & { description?: string };
    return {
      name,
      in: 'query',
      required: (required as readonly string[] | undefined)?.includes(name) ?? false,
      ...(description && { description }),
      schema: schemas.refer(others),
    };
  });
}

function bodyObject(body: TSchema | Content, schemas: NamedSchemas): object {
  if (isContent(body)) return { description: body.description, content: { [body.mediaType]: {} } };
  const { required = [] } = body as { required?: readonly string[] };
  // An absent body counts as an object without fields.
  return { required: required.length > 0, content: { [json]: { schema: schemas.refer(body) } } };
}

function answerObject(status: number, answer: TSchema | Content | 'nothing', schemas: NamedSchemas): object {
  const description = STATUS_CODES[status] ?? String(status);
  if (answer === 'nothing') return { description };
  if (!isContent(answer)) return { description, content: { [json]: { schema: schemas.refer(answer) } } };
  const { mediaType, schema, headers = {} } = answer;
  return {
    description: answer.description,
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, of]) => [name, { schema: schemas.refer(of) }]),
    ),
    content: { [mediaType]: schema ? { schema: schemas.refer(schema) } : {} },
  };
}

function capitalized(method: string): string {
  return `${method.charAt(0)}${method.slice(1).toLowerCase()}`;
}
