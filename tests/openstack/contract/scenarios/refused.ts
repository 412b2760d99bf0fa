import assert from 'node:assert/strict';
import { OpenStackError, type OpenStackErrorCode } from '@wadi/openstack';

/** Fails unless the call is refused like this. `type`: the service's own name for it. */
export async function refused(
  call: Promise<unknown>,
  code: OpenStackErrorCode,
  type?: string,
): Promise<OpenStackError> {
  const outcome = await call.then(
    () => 'not refused',
    (error: unknown) => error,
  );
  assert.ok(outcome instanceof OpenStackError, String(outcome));
  assert.equal(outcome.code, code, outcome.message);
  if (type !== undefined) assert.equal(outcome.type, type, outcome.message);
  assert.match(outcome.requestId ?? '', /^req-/);
  return outcome;
}

/** Of nothing that there is. */
export const unknownId = 'ffffffff-ffff-4fff-8fff-ffffffffffff';
