import { ApiError, type RunTargetError } from '@wadi/api';
import { AccessError } from '@wadi/indirect-access';
import { NoRouteError } from './no-route-error.ts';

/** What went wrong on the way to a machine, as data for API answers, events and run results. */
export function accessProblem(error: unknown): RunTargetError {
  if (error instanceof AccessError) {
    const { code, hop = null, phase = null, message, hint = null, retryable } = error;
    return { code, hop, phase, message, hint, retryable };
  }
  if (error instanceof NoRouteError) {
    const { code, hop, message, hint } = error;
    return { code, hop, phase: null, message, hint, retryable: false };
  }
  return {
    code: 'INTERNAL',
    hop: null,
    phase: null,
    message: 'Wadi itself failed on the way to this machine; the log of the controller says why',
    hint: null,
    retryable: false,
  };
}

/** In one line: `proxy-0 (dial, CONNECTION_TIMEOUT): …`. */
export function describeProblem({ hop, phase, code, message }: RunTargetError): string {
  const where = hop ? `${hop} ` : '';
  return `${where}(${phase ? `${phase}, ` : ''}${code}): ${message}`;
}

/** A machine that does not answer is a bad gateway, whatever the reason; a request nobody can fulfil is the caller's. */
export function accessApiError(error: unknown): unknown {
  if (!(error instanceof AccessError || error instanceof NoRouteError)) return error;
  const { code, hop, phase, hint, retryable } = accessProblem(error);
  const status = code === 'INVALID_ARGUMENT' ? 400 : code === 'CLOSED' ? 503 : 502;
  return new ApiError(status, code, error.message, {
    ...(hint ? { hint } : {}),
    retryable,
    details: { hop, phase },
    cause: error,
  });
}
