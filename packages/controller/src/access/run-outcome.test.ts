import { AccessError, type AccessErrorCode, type Phase } from '@wadi/indirect-access';
import { describe, expect, it } from 'vitest';
import type { TargetResult } from '../storage/runs.ts';
import { outcomeOf } from './run-outcome.ts';

interface Case {
  readonly code: AccessErrorCode;
  readonly phase?: Phase;
  readonly retryable?: boolean;
  readonly claimed: boolean;
  readonly expected: TargetResult['status'];
}

const cases: [string, Case][] = [
  [
    'a machine that could not be dialled',
    { code: 'CONNECTION_TIMEOUT', claimed: false, expected: 'unreachable' },
  ],
  ['a wrong key', { code: 'AUTHENTICATION_FAILED', claimed: false, expected: 'unreachable' }],
  [
    'a session lost before the request',
    { code: 'CONNECTION_LOST', retryable: true, claimed: true, expected: 'unreachable' },
  ],
  ['a session lost after it', { code: 'CONNECTION_LOST', claimed: true, expected: 'unknown' }],
  ['a request without an answer', { code: 'TIMEOUT', phase: 'channel', claimed: true, expected: 'unknown' }],
  ['a command over its time', { code: 'TIMEOUT', phase: 'command', claimed: true, expected: 'failed' }],
  ['a caller who gave up', { code: 'CANCELLED', claimed: true, expected: 'cancelled' }],
  ['a caller who gave up before', { code: 'CANCELLED', claimed: false, expected: 'cancelled' }],
  ['sudo that asks for a password', { code: 'SUDO_REFUSED', claimed: true, expected: 'failed' }],
  ['sshd that opens no more channels', { code: 'OVERLOADED', claimed: true, expected: 'unreachable' }],
  ['what nobody foresaw', { code: 'FILE_FAILED', claimed: true, expected: 'unknown' }],
];

describe('what became of a command', () => {
  it.each(cases)('after %s', (_, { code, phase, retryable = false, claimed, expected }) => {
    const error = new AccessError('x', { code, retryable, ...(phase ? { phase } : {}) });
    expect(outcomeOf(error, claimed)).toBe(expected);
  });

  it('is unknown after an error of our own once it may have been started', () => {
    expect(outcomeOf(new Error('x'), true)).toBe('unknown');
    expect(outcomeOf(new Error('x'), false)).toBe('unreachable');
  });
});
