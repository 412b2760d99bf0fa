import { AccessError } from '@wadi/indirect-access';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Circuit } from './circuit.ts';

const cause = new AccessError('no answer', { code: 'CONNECTION_TIMEOUT', hop: 'proxy', retryable: true });
const first = 500;
const most = 30_000;

function circuitAt(time: { now: number }, random = () => 0.5): Circuit {
  return new Circuit({ now: () => time.now, random, first, most });
}

describe('the circuit of a step', () => {
  it('opens at the first failure, and its back-off grows with each trial that fails', () => {
    const time = { now: 0 };
    const circuit = circuitAt(time);
    circuit.failed(cause, 0, false);
    const pauses: number[] = [];
    for (let trial = 0; trial < 10; trial++) {
      pauses.push(circuit.due - time.now);
      time.now = circuit.due;
      expect(circuit.begin()).toBe(true);
      circuit.failed(cause, time.now, true);
    }
    expect(pauses).toEqual([375, 750, 1500, 3000, 6000, 12_000, 22_500, 22_500, 22_500, 22_500]);
  });

  it('counts many that fail together once', () => {
    const circuit = circuitAt({ now: 0 });
    for (let each = 0; each < 50; each++) circuit.failed(cause, 0, false);
    expect(circuit.failures).toBe(1);
  });

  it('is not opened by what had begun before it was last seen to work', () => {
    const time = { now: 10 };
    const circuit = circuitAt(time);
    circuit.worked();
    time.now = 20;
    circuit.failed(cause, 5, false);
    expect(circuit.state).toBe('closed');
    circuit.failed(cause, 15, false);
    expect(circuit.state).toBe('open');
  });

  it('may be tried at once when what was open over it broke, and when a trial found nothing out', () => {
    const time = { now: 10 };
    const circuit = circuitAt(time);
    circuit.suspect(cause);
    expect([circuit.state, circuit.due]).toEqual(['open', 10]);
    circuit.begin();
    time.now = 20;
    circuit.giveBack();
    expect([circuit.state, circuit.due]).toEqual(['open', 20]);
  });
});

type Step = 'begin' | 'worked' | 'trial fails' | 'other fails' | 'suspect' | 'give back' | 'wait';
const steps: Step[] = ['begin', 'worked', 'trial fails', 'other fails', 'suspect', 'give back', 'wait'];
const anySteps = fc.array(
  fc.tuple(fc.constantFrom(...steps), fc.nat(5000), fc.double({ min: 0, max: 0.999, noNaN: true })),
  {
    maxLength: 60,
  },
);

describe('whatever happens to a circuit', () => {
  it('has at most one trial, a back-off within its bounds, and is closed by what works', () => {
    fc.assert(
      fc.property(anySteps, (all) => {
        const time = { now: 0 };
        let chance = 0;
        const circuit = circuitAt(time, () => chance);
        let trials = 0;
        for (const [step, pause, random] of all) {
          chance = random;
          const before = circuit.state;
          const { failures } = circuit;
          if (step === 'wait') time.now += pause;
          if (step === 'begin' && circuit.begin()) trials += 1;
          if (step === 'worked') circuit.worked();
          if (step === 'trial fails' && trials > 0) circuit.failed(cause, time.now, true);
          if (step === 'other fails') circuit.failed(cause, time.now, false);
          if (step === 'suspect') circuit.suspect(cause);
          if (step === 'give back') circuit.giveBack();
          if (circuit.state !== 'half-open') trials = 0;
          expect(trials).toBeLessThanOrEqual(1);
          expect(circuit.state === 'half-open').toBe(trials === 1);
          if (step === 'worked') expect([circuit.state, circuit.failures]).toEqual(['closed', 0]);
          if (step === 'other fails' && before !== 'closed') expect(circuit.state).toBe(before);
          if (circuit.failures > failures) {
            const longest = Math.min(most, first * 2 ** (circuit.failures - 1));
            expect(circuit.due - time.now).toBeGreaterThanOrEqual(longest / 2);
            expect(circuit.due - time.now).toBeLessThanOrEqual(longest);
          }
          expect(circuit.dueOnDemand).toBeLessThanOrEqual(Math.max(circuit.due, 0));
        }
      }),
    );
  });
});
