import { type RunRequest, runLimits } from '@wadi/api';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestOf, plainRunRequest } from './run-request.ts';

const id = '00000000-0000-4000-8000-000000000000';
const digest = (request: RunRequest, run = id) => digestOf(run, 'cluster', plainRunRequest(request));

describe('the digest of a run request', () => {
  it('does not depend on how the same request is written', () => {
    const request: RunRequest = { command: 'a', targets: ['x', 'y'], env: { A: '1', B: '2' }, stdin: 'hi' };
    const same: RunRequest = {
      stdin_base64: Buffer.from('hi').toString('base64'),
      env: { B: '2', A: '1' },
      targets: ['y', 'x'],
      command: 'a',
      as_root: false,
      max_output_bytes: runLimits.defaultOutput,
    };
    expect(digest(same)).toBe(digest(request));
    expect(digest(request, id.toUpperCase())).toBe(digest(request));
  });

  it('differs when anything differs', () => {
    const requests: RunRequest[] = [
      { command: 'a b' },
      { command: ['a b'] },
      { command: ['a', 'b'] },
      { command: 'a b', as_root: true },
      { command: 'a b', targets: ['x'] },
      { command: 'a b', stdin: '' },
      { command: 'a b', stdin: 'x' },
      { command: 'a b', env: { A: '' } },
      { command: 'a b', timeout_seconds: 1 },
      { command: 'a b', max_output_bytes: 1 },
    ];
    expect(new Set(requests.map((each) => digest(each))).size).toBe(requests.length);
    expect(digest({ command: 'a' }, id.replace('8000', '9000'))).not.toBe(digest({ command: 'a' }));
  });

  it('differs for different argument lists, whatever is in them', () => {
    const words = fc.array(fc.string(), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(words, words, (a, b) => {
        if (a.concat(b).some((word) => word.includes('\0'))) return;
        const equal = JSON.stringify(a) === JSON.stringify(b);
        expect(digest({ command: a }) === digest({ command: b })).toBe(equal);
      }),
    );
  });
});

describe('a run request', () => {
  it.each<[string, RunRequest]>([
    ['a NUL in its command', { command: 'a\0b' }],
    ['a NUL in an argument', { command: ['a', 'b\0'] }],
    ['a NUL in its environment', { command: 'a', env: { A: '\0' } }],
    ['two inputs', { command: 'a', stdin: '', stdin_base64: '' }],
    ['an input that is no base64', { command: 'a', stdin_base64: 'a===' }],
    ['a command that is too long', { command: 'x'.repeat(runLimits.command + 1) }],
    ['an input that is too long', { command: 'a', stdin: 'x'.repeat(runLimits.stdin + 1) }],
    ['an environment that is too large', { command: 'a', env: { A: 'x'.repeat(runLimits.environment) } }],
  ])('is refused with %s', (_, request) => {
    expect(() => plainRunRequest(request)).toThrow(expect.objectContaining({ status: 400 }));
  });

  it('keeps every byte of its input', () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const plain = plainRunRequest({ command: 'a', stdin_base64: bytes.toString('base64') });
    expect(plain.input.stdin).toEqual(bytes);
    const most = Buffer.alloc(runLimits.stdin, 'x');
    const long = plainRunRequest({ command: 'a', stdin_base64: most.toString('base64') });
    expect(long.input.stdin?.equals(most)).toBe(true);
    expect(plainRunRequest({ command: 'a', stdin: '' }).input.stdin).toEqual(Buffer.alloc(0));
    expect(plainRunRequest({ command: 'a' }).input.stdin).toBeNull();
  });
});
