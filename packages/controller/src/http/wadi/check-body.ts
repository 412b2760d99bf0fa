import { ApiError } from '@wadi/api';
import type { Static, TSchema } from 'typebox';
import { Errors } from 'typebox/value';

/** The body as the schema has it, or all that is wrong with it, each with its place: `machines[0].port: must be …`. */
export function checkBody<S extends TSchema>(schema: S, body: unknown): Static<S> {
  const problems = Errors(schema, body)
    // Said once more by the keyword that has the reason.
    .filter(({ keyword }) => keyword !== 'boolean')
    .map(({ keyword, instancePath, params, message }) => {
      const names = keyword === 'additionalProperties' ? unknownNames(params) : undefined;
      const path = placeOf(instancePath);
      return `${path ? `${path}: ` : ''}${names ? `unknown: ${names}` : message}`;
    });
  if (problems.length === 0) return body as Static<S>;
  const more = problems.length > 20 ? [`… and ${problems.length - 20} more`] : [];
  throw new ApiError(400, 'VALIDATION_ERROR', [...problems.slice(0, 20), ...more].join('\n'));
}

function unknownNames(params: object): string {
  return (params as { additionalProperties: readonly string[] }).additionalProperties.join(', ');
}

/** `/machines/0/port` as `machines[0].port` (a JSON pointer, RFC 6901). */
function placeOf(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part}`))
    .join('')
    .replace(/^\./, '');
}
