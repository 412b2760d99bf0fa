import { ApiError } from '@wadi/api';
import type { FastifyRequest } from 'fastify';

/** `:port` of the path. */
export function readPort(request: FastifyRequest): number {
  const { port: text } = request.params as { port: string };
  const port = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw new ApiError(400, 'INVALID_DATA', `'${text}' is no port: 1 to 65535`);
  return port;
}
