import type { RunTargetError } from '@wadi/api';
import { AccessError, type RunEnd, type RunState } from '@wadi/indirect-access';
import type { RunRow, TargetResult } from '../storage/runs.ts';
import { accessProblem, describeProblem } from './access-problem.ts';
import type { InstanceFacts } from './cluster-facts.ts';

export type Outcome = Pick<TargetResult, 'status' | 'exitStatus' | 'signal' | 'error'> & {
  readonly dropped?: RunEnd['dropped'];
};

/**
 * What a failure before the claim means for a target. The whole promise of "zero or one times" is here and in what
 * follows: whoever reads `unreachable` or `cancelled` before a start may run the command again, whoever reads `unknown`
 * must look first.
 */
export function outcomeOf(error: unknown, claimed: boolean): TargetResult['status'] {
  const code = error instanceof AccessError ? error.code : undefined;
  if (claimed) return 'unknown';
  if (code === 'CANCELLED') return 'cancelled';
  return code === 'SUDO_REFUSED' || code === 'INVALID_ARGUMENT' ? 'failed' : 'unreachable';
}

/** What the machine says of the end. */
export function endOf(end: RunEnd, run: RunRow, { name }: InstanceFacts): Outcome {
  const { dropped, status: exitStatus, signal } = end;
  const at = { hop: name, phase: 'command' } as const;
  const seconds = run.timeout_seconds;
  switch (end.how) {
    case 'exited':
    case 'signal':
      return { status: exitStatus === 0 ? 'succeeded' : 'failed', exitStatus, signal, dropped };
    case 'timeout': {
      const message = `${name}: the command did not end within ${Math.round((seconds ?? 0) * 1000)} ms`;
      return {
        status: 'failed',
        error: accessProblem(new AccessError(message, { code: 'TIMEOUT', ...at })),
        dropped,
      };
    }
    case 'cancelled': {
      const error = accessProblem(new AccessError('cancelled', { code: 'CANCELLED', ...at }));
      return { status: 'cancelled', error, dropped };
    }
    case 'refused':
      return {
        status: 'unreachable',
        error: problem(
          'COMMAND_FAILED',
          name,
          'the machine could not keep what the command needs; nothing ran',
        ),
      };
    default:
      return {
        status: 'unknown',
        error: problem(
          'RUN_LOST',
          name,
          'what watched over the command was killed: how it ended is unknown',
          look,
        ),
        dropped,
      };
  }
}

const look = 'look on the machine before you run it again';

/** The machine is there and the run is not. */
export function noTrace(state: Exclude<RunState, 'fresh' | 'begun'>, { name }: InstanceFacts): Outcome {
  const message =
    state === 'rebooted'
      ? 'the machine was started anew meanwhile: how the command ended is unknown'
      : 'the machine keeps no record of the command any more: whether and how it ran is unknown';
  const code = state === 'rebooted' ? 'MACHINE_REBOOTED' : 'RUN_LOST';
  return { status: 'unknown', error: problem(code, name, message, look) };
}

/** Nobody could ask the machine for too long. */
export function noContact(error: unknown, { name }: InstanceFacts): Outcome {
  const last = describeProblem(accessProblem(error));
  const message = `there was no way to the machine any more: how the command ended is unknown; the last attempt: ${last}`;
  return { status: 'unknown', error: problem('CONTACT_LOST', name, message, look) };
}

function problem(code: string, hop: string, message: string, hint: string | null = null): RunTargetError {
  return { code, hop, phase: 'command', message: `${hop}: ${message}`, hint, retryable: false };
}
