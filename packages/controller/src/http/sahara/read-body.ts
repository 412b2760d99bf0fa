import { ApiError } from '@wadi/api';
import type { FastifyRequest } from 'fastify';
import type { Static, TSchema } from 'typebox';
import { checkIsDocumented } from '../openapi/operation.ts';
import { type SchemaProblem, schemaProblems } from './schema-problems.ts';
import { isVersion1 } from './version-1.ts';

/**
 * The request's body in the words of v2, or all that is wrong with it in the words of the request. `narrower`: what of the
 * schema counts for this request.
 */
export function readBody<S extends TSchema>(
  schema: S,
  request: FastifyRequest,
  narrower: object = schema,
): Static<S> {
  checkIsDocumented(request, 'body', schema);
  const old = isVersion1(request);
  const problems = schemaProblems(old ? version1Schema(narrower) : narrower, request.body ?? {});
  if (problems.length > 0) throw refusal(problems);
  return (old ? renamed(request.body as object) : request.body) as Static<S>;
}

function refusal(problems: readonly SchemaProblem[]): ApiError {
  const hints = problems.flatMap(({ hint }) => hint ?? []);
  return new ApiError(400, 'VALIDATION_ERROR', problems.map(({ text }) => text).join('\n'), {
    fields: problems.flatMap(({ fields }) => fields),
    ...(hints.length > 0 && { hint: hints.join('; ') }),
  });
}

function renamed(body: object): object {
  return Object.fromEntries(
    Object.entries(body).map(([key, value]) => [key === 'hadoop_version' ? 'plugin_version' : key, value]),
  );
}

const made = new WeakMap<object, object>();

function version1Schema(schema: object): object {
  const found = made.get(schema);
  if (found) return found;
  const old = converted(schema) as object;
  made.set(schema, old);
  return old;
}

/** The fields in their order: it decides about the order of the messages. */
function converted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(converted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      if (key === 'properties') return [key, convertedProperties(item)];
      if (key === 'required') return [key, (item as string[]).map(oldName)];
      return [key, converted(item)];
    }),
  );
}

function convertedProperties(properties: Record<string, { 'x-since'?: string }>): object {
  return Object.fromEntries(
    Object.entries(properties).flatMap(([name, schema]) =>
      schema['x-since'] === 'v2' ? [] : [[oldName(name), converted(schema)]],
    ),
  );
}

function oldName(name: string): string {
  return name === 'plugin_version' ? 'hadoop_version' : name;
}
