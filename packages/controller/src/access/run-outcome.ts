import { AccessError } from '@wadi/indirect-access';
import type { TargetResult } from '../storage/runs.ts';

/**
 * What a failure means for a target. The whole promise of "zero or one times" is here: whoever reads `unreachable` or
 * `cancelled` before a start may run the command again, whoever reads `unknown` must look first.
 */
export function outcomeOf(error: unknown, claimed: boolean): TargetResult['status'] {
  const code = error instanceof AccessError ? error.code : undefined;
  if (code === 'CANCELLED') return 'cancelled';
  if (!claimed) return 'unreachable';
  if (!(error instanceof AccessError)) return 'unknown';
  // Retryable says that nothing can have happened on the machine.
  if (error.retryable) return 'unreachable';
  switch (error.code) {
    case 'TIMEOUT':
      return error.phase === 'command' ? 'failed' : 'unknown';
    case 'SUDO_REFUSED':
    case 'COMMAND_FAILED':
    case 'INVALID_ARGUMENT':
      return 'failed';
    case 'CHANNEL_REFUSED':
    case 'OVERLOADED':
    case 'AUTHENTICATION_FAILED':
    case 'HOST_KEY_MISMATCH':
    case 'HOST_KEY_REFUSED':
      return 'unreachable';
    default:
      return 'unknown';
  }
}
