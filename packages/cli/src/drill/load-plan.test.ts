import fc from 'fast-check';
import { expect, it } from 'vitest';
import { faultKinds } from './injector.ts';
import { planLoad } from './load-plan.ts';

it('plans as many commands as are wanted, each once, some of them running in every round', () => {
  const kinds = fc.shuffledSubarray([...faultKinds], { minLength: 1 });
  fc.assert(
    fc.property(
      fc.integer({ min: 10, max: 1500 }),
      fc.integer({ min: 1, max: 30 }),
      kinds,
      (commands, count, its) => {
        const machines = Array.from({ length: count }, (_, n) => `machine-${n + 1}`);
        const plan = planLoad({ folder: 'x', commands, machines, kinds: its, lastingSeconds: 20 });
        const all = plan.flatMap(({ lasting, brief }) => [...lasting, ...brief]);
        expect(all.length).toBe(commands);
        expect(new Set(all.map(({ id }) => id)).size).toBe(commands);
        expect(plan.map(({ kind }) => kind)).toEqual(its);
        for (const { kind, lasting } of plan) {
          expect(lasting.length).toBeGreaterThan(0);
          const first = lasting.filter(({ machine }) => machine === 'machine-1').length;
          if (kind === 'cut') expect(first).toBeGreaterThanOrEqual(Math.min(lasting.length, 28));
        }
      },
    ),
    { numRuns: 30 },
  );
});

it('the long form has 60 commands and more under each fault, and prints 10 MB many times', () => {
  const machines = Array.from({ length: 20 }, (_, n) => `machine-${n + 1}`);
  const plan = planLoad({ folder: 'x', commands: 1000, machines, kinds: faultKinds, lastingSeconds: 20 });
  for (const { kind, lasting, brief } of plan) {
    const cutOff = lasting.filter(({ machine }) => machine === 'machine-1').length;
    if (kind === 'cut') expect(cutOff).toBeGreaterThanOrEqual(28);
    expect(lasting.length).toBeGreaterThanOrEqual(60);
    const bulks = brief.filter(({ lines }) => lines.count * lines.width === 10_000_000);
    expect(bulks.length).toBeGreaterThanOrEqual(5);
    expect(new Set([...lasting, ...brief].map(({ machine }) => machine)).size).toBe(20);
  }
});
