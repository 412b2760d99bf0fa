import { ApiError } from '@wadi/api';
import type { FastifyRequest } from 'fastify';

interface NumberRange {
  readonly least: number;
  readonly most: number;
  readonly otherwise: number;
  readonly whole?: boolean;
}

/** A number of the query, or its default. Nothing is coerced elsewhere, so here is where text becomes a number. */
export function queryNumber(
  request: FastifyRequest,
  name: string,
  { least, most, otherwise, whole = false }: NumberRange,
): number {
  const text = queryText(request, name);
  if (text === undefined) return otherwise;
  const value = /^\d{1,16}(\.\d{1,6})?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most) || (whole && !Number.isInteger(value)))
    throw new ApiError(
      400,
      'INVALID_DATA',
      `${name} is '${text}'; it must be a ${whole ? 'whole ' : ''}number from ${least} to ${most}`,
    );
  return value;
}

export function queryText(request: FastifyRequest, name: string): string | undefined {
  const given = (request.query as Record<string, unknown>)[name];
  if (given === undefined || typeof given === 'string') return given;
  throw new ApiError(400, 'INVALID_DATA', `${name} is given more than once`);
}
