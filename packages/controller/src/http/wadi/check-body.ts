import { ApiError, type FieldPath, fieldText } from '@wadi/api';
import type { FastifyRequest } from 'fastify';
import type { Static, TSchema } from 'typebox';
import { Errors } from 'typebox/value';
import { checkIsDocumented } from '../openapi/operation.ts';

/** The body of a request, which is as its operation says. */
export function bodyOf<S extends TSchema>(schema: S, request: FastifyRequest): Static<S> {
  checkIsDocumented(request, 'body', schema);
  return checkBody(schema, request.body);
}

/** The body as the schema has it, or all that is wrong with it, each with its place: `machines[0][port]: must be …`. */
export function checkBody<S extends TSchema>(schema: S, body: unknown): Static<S> {
  const problems = Errors(schema, body)
    // Said once more by the keyword that has the reason.
    .filter(({ keyword }) => keyword !== 'boolean')
    .map(({ keyword, instancePath, params, message }) => {
      const unknown = keyword === 'additionalProperties' ? namesIn(params, keyword) : undefined;
      const lacking = keyword === 'required' ? namesIn(params, 'requiredProperties') : undefined;
      const path = placeOf(instancePath);
      const place = path.length > 0 ? `${fieldText(path)}: ` : '';
      return {
        text: `${place}${unknown ? `unknown: ${unknown.join(', ')}` : message}`,
        fields: (unknown ?? lacking)?.map((name) => [...path, name]) ?? (path.length > 0 ? [path] : []),
      };
    });
  if (problems.length === 0) return body as Static<S>;
  const more = problems.length > 20 ? [`… and ${problems.length - 20} more`] : [];
  const told = problems.slice(0, 20);
  throw new ApiError(400, 'VALIDATION_ERROR', [...told.map(({ text }) => text), ...more].join('\n'), {
    fields: told.flatMap(({ fields }) => fields),
  });
}

/** Characters. */
const longestName = 64;

function namesIn(params: object, key: string): readonly string[] {
  const names = (params as Record<string, readonly string[]>)[key] ?? [];
  return names.map((name) => (name.length > longestName ? '…' : name));
}

/** `/machines/0/port` as a path (a JSON pointer, RFC 6901). */
function placeOf(pointer: string): FieldPath {
  return (
    pointer
      .split('/')
      .slice(1)
      .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
      // What is no name of ours may be anything, a private key in the wrong place too.
      .map((part) => (part.length > longestName ? '…' : part))
  );
}
