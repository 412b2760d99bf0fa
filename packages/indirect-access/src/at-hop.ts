import { AccessError, type Phase } from './errors.ts';

/** Says at whose hop it failed, once: an error that already knows its hop comes from further down the route. */
export function atHop(error: unknown, hop: string, phase?: Phase): unknown {
  if (!(error instanceof AccessError) || error.hop !== undefined || error.code === 'CLOSED') return error;
  const where = error.phase ?? phase;
  return new AccessError(`${hop}: ${error.message}`, {
    code: error.code,
    hop,
    retryable: error.retryable,
    reason: error.reason,
    ...(error.cause === undefined ? {} : { cause: error.cause }),
    ...(where === undefined ? {} : { phase: where }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}
