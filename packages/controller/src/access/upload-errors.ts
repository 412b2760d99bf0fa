import { ApiError } from '@wadi/api';
import type { UploadRow } from '../storage/uploads.ts';
import { accessApiError, accessProblem } from './access-problem.ts';

const offsetError = 'UPLOAD_OFFSET';

export function wrongOffset({ id }: UploadRow, offset: number): ApiError {
  return new ApiError(409, offsetError, `Upload ${id} goes on at byte ${offset}`, {
    hint: 'send what follows that byte',
    details: { upload_offset: offset },
  });
}

export function isWrongOffset(error: unknown): boolean {
  return error instanceof ApiError && error.errorName === offsetError;
}

export function tooLong({ id, size }: UploadRow): ApiError {
  return new ApiError(
    400,
    'INVALID_DATA',
    `Upload ${id} has ${size} bytes, and this portion goes beyond them`,
  );
}

export function givenUp(cause: unknown): ApiError {
  return new ApiError(499, 'CANCELLED', 'The portion was given up', { cause });
}

/** None of the machines can be reached, for this reason: later they may. */
export function nobodyReachable(lost: unknown): unknown {
  const told = accessApiError(lost);
  if (!(told instanceof ApiError)) return lost;
  const { code, hop, phase, message, hint } = accessProblem(lost);
  return new ApiError(503, code, message, {
    ...(hint ? { hint } : {}),
    retryable: true,
    details: { hop, phase },
    cause: lost,
  });
}
