import { ApiError } from '@wadi/api';
import type { FastifyRequest } from 'fastify';
import type { Static, TObject, TSchema } from 'typebox';
import { Check } from 'typebox/value';
import { checkIsDocumented } from '../openapi/operation.ts';

/** The query as the schema has it. Nothing is coerced elsewhere, so here is where text becomes a number. */
export function readQuery<S extends TObject>(schema: S, request: FastifyRequest): Static<S> {
  checkIsDocumented(request, 'query', schema);
  const given = request.query as Readonly<Record<string, unknown>>;
  const { required = [] } = schema as { required?: readonly string[] };
  const read: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(schema.properties as Record<string, Facts>)) {
    const text = given[name];
    if (text === undefined) {
      if (required.includes(name)) throw refused(`${name} is missing: it must be ${wanted(property)}`);
      continue;
    }
    if (typeof text !== 'string') throw refused(`${name} is given more than once`);
    const value = isNumber(property) ? numberIn(text) : text;
    if (!Check(property, value)) throw refused(`${name} is '${text}'; it must be ${wanted(property)}`);
    read[name] = value;
  }
  return read as Static<S>;
}

type Facts = TSchema & {
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly { readonly const?: string }[];
  readonly description?: string;
};

function isNumber({ type }: Facts): boolean {
  return type === 'number' || type === 'integer';
}

function numberIn(text: string): number {
  return /^\d{1,16}(\.\d{1,6})?$/.test(text) ? Number(text) : Number.NaN;
}

function wanted(property: Facts): string {
  const { type, minimum, maximum, anyOf, description = 'another text' } = property;
  if (isNumber(property))
    return `a ${type === 'integer' ? 'whole ' : ''}number from ${minimum} to ${maximum}`;
  return anyOf ? anyOf.map((one) => one.const).join(' or ') : description;
}

function refused(message: string): ApiError {
  return new ApiError(400, 'INVALID_DATA', message);
}
