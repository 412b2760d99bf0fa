import { ApiError } from '@wadi/api';
import { OpenStackError } from '@wadi/openstack';

/** As users are told it: what OpenStack says, whatever it was asked for. */
export function cloudError(error: unknown): unknown {
  if (!(error instanceof OpenStackError)) return error;
  const { code, message, hint, requestId, retryable } = error;
  const details = {
    ...(hint === undefined ? {} : { hint }),
    ...(requestId === undefined ? {} : { details: { openstack_request_id: requestId } }),
    retryable,
    cause: error,
  };
  if (code === 'QUOTA_EXCEEDED') return new ApiError(400, 'QUOTA_ERROR', message, details);
  return new ApiError(503, 'CLOUD_UNAVAILABLE', message, details);
}
