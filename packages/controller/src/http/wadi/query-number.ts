import { ApiError } from '@wadi/api';
import type { FastifyRequest } from 'fastify';

/** A number of the query, or its default. Nothing is coerced elsewhere, so here is where text becomes a number. */
export function queryNumber(
  request: FastifyRequest,
  name: string,
  { least, most, otherwise }: { least: number; most: number; otherwise: number },
): number {
  const text = queryText(request, name);
  if (text === undefined) return otherwise;
  const value = /^\d{1,16}(\.\d{1,6})?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most))
    throw new ApiError(
      400,
      'INVALID_DATA',
      `${name} is '${text}'; it must be a number from ${least} to ${most}`,
    );
  return value;
}

export function queryText(request: FastifyRequest, name: string): string | undefined {
  const given = (request.query as Record<string, unknown>)[name];
  if (given === undefined || typeof given === 'string') return given;
  throw new ApiError(400, 'INVALID_DATA', `${name} is given more than once`);
}
