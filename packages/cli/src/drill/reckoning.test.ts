import { describe, expect, it } from 'vitest';
import { type CommandResult, isFlawless, reckon, type UploadResult } from './reckoning.ts';

const fine: CommandResult = {
  id: 'c1',
  machine: 'm1',
  succeeded: true,
  why: '',
  bytesLost: 0,
  bytesDoubled: 0,
};
const noted = (...ids: string[]) => new Map([['m1', ids]]);

describe('a drill', () => {
  it('without a flaw is one', () => {
    const result = reckon([fine], noted('c1'), [], null);
    expect(result).toMatchObject({ commands: 1, lost: 0, doubled: 0, bytesLost: 0, bytesDoubled: 0 });
    expect(isFlawless(result)).toBe(true);
  });

  it.each<[string, Partial<CommandResult>, string[], object]>([
    ['that is unknown counts as lost, though its line is there', { succeeded: false }, ['c1'], { lost: 1 }],
    ['that left no line counts as lost, though it succeeded', {}, [], { lost: 1 }],
    ['that left two lines counts as doubled', {}, ['c1', 'c2', 'c1'], { lost: 0, doubled: 1 }],
    ['whose output has a gap costs bytes', { bytesLost: 64 }, ['c1'], { lost: 0, bytesLost: 64 }],
    ['whose output came again doubles bytes', { bytesDoubled: 32 }, ['c1'], { bytesDoubled: 32 }],
  ])('tells that a command %s', (_, change, notes, expected) => {
    const result = reckon([{ ...fine, ...change }], noted(...notes), [], null);
    expect(result).toMatchObject(expected);
    expect(isFlawless(result)).toBe(false);
  });

  it('counts the commands of a machine that cannot be read as lost', () => {
    expect(reckon([fine], new Map(), [], null)).toMatchObject({ commands: 1, lost: 1 });
  });

  it('says what became of the first that were lost', () => {
    const lost = Array.from({ length: 30 }, (_, n) => ({
      ...fine,
      id: `c${n}`,
      succeeded: false,
      why: 'gone',
    }));
    const { troubles } = reckon(lost, noted(), [], null);
    expect(troubles[0]).toBe('c0 on m1: gone');
    expect(troubles.length).toBe(10);
  });
});

describe('an upload', () => {
  const expected = { bytes: 100, digest: 'a' };
  it.each<[string, UploadResult['found'], object]>([
    ['whole', { bytes: 100, digest: 'a' }, { bytesLost: 0, bytesDoubled: 0, upload: { intact: true } }],
    ['cut off', { bytes: 60, digest: 'b' }, { bytesLost: 40, bytesDoubled: 0, upload: { intact: false } }],
    ['too long', { bytes: 110, digest: 'b' }, { bytesLost: 0, bytesDoubled: 10 }],
    ['spoilt', { bytes: 100, digest: 'b' }, { bytesLost: 100, bytesDoubled: 0, upload: { intact: false } }],
  ])('that arrived %s is told', (_, found, told) => {
    const upload = { succeeded: true, why: '', expected, found };
    expect(reckon([], new Map(), [], upload)).toMatchObject(told);
  });
});

it('seconds to reroute are told for each fault and for all, with those that never were', () => {
  const fault = { proxy: 'p', inFlight: 4, uploadInFlight: true };
  const result = reckon(
    [],
    new Map(),
    [
      { ...fault, kind: 'kill', reroutes: [0.5, 2, 1.004, null] },
      { ...fault, kind: 'cut', machine: 'm1', reroutes: [] },
    ],
    null,
  );
  expect(result.rerouteSeconds).toEqual({ p50: 1, max: 2 });
  expect(result.faults).toEqual([
    { fault: 'kill', ...fault, rerouteSeconds: { p50: 1, max: 2 }, notRerouted: 1 },
    { fault: 'cut', machine: 'm1', ...fault, rerouteSeconds: { p50: null, max: null }, notRerouted: 0 },
  ]);
});
