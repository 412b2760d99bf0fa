import { AccessError, type AccessErrorCode, type Phase, type RunEnd } from '@wadi/indirect-access';
import { describe, expect, it } from 'vitest';
import type { RunRow, TargetResult } from '../storage/runs.ts';
import type { InstanceFacts } from './cluster-facts.ts';
import { endOf, noContact, noTrace, outcomeOf } from './run-outcome.ts';

interface Case {
  readonly code: AccessErrorCode;
  readonly phase?: Phase;
  readonly claimed: boolean;
  readonly expected: TargetResult['status'];
}

const cases: [string, Case][] = [
  [
    'a machine that could not be dialled',
    { code: 'CONNECTION_TIMEOUT', claimed: false, expected: 'unreachable' },
  ],
  ['a wrong key', { code: 'AUTHENTICATION_FAILED', claimed: false, expected: 'unreachable' }],
  ['a session lost before the claim', { code: 'CONNECTION_LOST', claimed: false, expected: 'unreachable' }],
  ['a caller who gave up before', { code: 'CANCELLED', claimed: false, expected: 'cancelled' }],
  ['sudo that asks for a password', { code: 'SUDO_REFUSED', claimed: false, expected: 'failed' }],
  ['a command that cannot be one', { code: 'INVALID_ARGUMENT', claimed: false, expected: 'failed' }],
  ['sshd that opens no more channels', { code: 'OVERLOADED', claimed: false, expected: 'unreachable' }],
  ['whatever else, once it may have begun', { code: 'FILE_FAILED', claimed: true, expected: 'unknown' }],
];

const machine = { name: 'm-1' } as InstanceFacts;
const run = { timeout_seconds: 1.5 } as RunRow;
const plain: RunEnd = { how: 'exited', status: 0, signal: null, dropped: { stdout: 0, stderr: 0 } };

describe('what became of a command', () => {
  it.each(cases)('after %s', (_, { code, phase, claimed, expected }) => {
    const error = new AccessError('x', { code, ...(phase ? { phase } : {}) });
    expect(outcomeOf(error, claimed)).toBe(expected);
  });

  it('is unknown after an error of our own once it may have been started', () => {
    expect(outcomeOf(new Error('x'), true)).toBe('unknown');
    expect(outcomeOf(new Error('x'), false)).toBe('unreachable');
  });

  it.each<[Partial<RunEnd>, object]>([
    [{}, { status: 'succeeded', exitStatus: 0 }],
    [{ status: 3 }, { status: 'failed', exitStatus: 3 }],
    [
      { how: 'signal', status: null, signal: 'KILL' },
      { status: 'failed', signal: 'KILL' },
    ],
    [
      { how: 'timeout', status: null },
      { status: 'failed', error: { code: 'TIMEOUT', phase: 'command' } },
    ],
    [
      { how: 'cancelled', status: null },
      { status: 'cancelled', error: { code: 'CANCELLED' } },
    ],
    [{ how: 'refused', status: null }, { status: 'unreachable' }],
    [
      { how: 'lost', status: null },
      { status: 'unknown', error: { code: 'RUN_LOST', retryable: false } },
    ],
    [{ how: 'gap', status: null }, { status: 'unknown' }],
  ])('is what the machine says: %j', (end, expected) => {
    expect(endOf({ ...plain, ...end }, run, machine)).toMatchObject(expected);
  });

  it('is unknown when the machine has no trace of it, or cannot be asked', () => {
    expect(noTrace('rebooted', machine)).toMatchObject({
      status: 'unknown',
      error: { code: 'MACHINE_REBOOTED' },
    });
    expect(noTrace('missing', machine)).toMatchObject({ status: 'unknown', error: { code: 'RUN_LOST' } });
    const error = new AccessError('no answer', { code: 'CONNECTION_TIMEOUT', hop: 'proxy-1', phase: 'dial' });
    expect(noContact(error, machine)).toMatchObject({
      status: 'unknown',
      error: { code: 'CONTACT_LOST', message: expect.stringContaining('proxy-1 (dial, CONNECTION_TIMEOUT)') },
    });
  });
});
