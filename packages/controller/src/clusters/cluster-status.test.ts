import { clusterStatuses } from '@wadi/api';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTransitional, mayBecome } from './cluster-status.ts';

const status = fc.constantFrom(...clusterStatuses);

describe('the states of a cluster', () => {
  it.each([
    ['creation', 'Validating, InfraUpdating, Spawning, Waiting, Preparing, Configuring, Starting, Active'],
    [
      'scaling up',
      'Active, Validating, Scaling, Scaling: Spawning, Scaling: Waiting, Scaling: Preparing, Configuring, Active',
    ],
    [
      'scaling down',
      'Active, Validating, Decommissioning, Scaling, Scaling: Spawning, Scaling: Preparing, Active',
    ],
    ['rollback', 'Scaling: Waiting, Rollback: Spawning, Rollback: Waiting, Rollback: Preparing, Active'],
    ['deletion in the middle of creation', 'Validating, Spawning, Deleting'],
    ['a failed creation', 'Validating, Spawning, Waiting, Error, Deleting'],
  ])('allow %s', (_, way) => {
    const steps = way.split(', ') as (typeof clusterStatuses)[number][];
    for (const [index, from] of steps.slice(0, -1).entries()) {
      const to = steps[index + 1];
      if (to) expect([from, to, mayBecome(from, to)]).toEqual([from, to, true]);
    }
  });

  it('never let a deleting cluster become anything else', () => {
    fc.assert(fc.property(status, (to) => !mayBecome('Deleting', to)));
  });

  it('let every other cluster be deleted, or fail', () => {
    fc.assert(
      fc.property(status, (from) => {
        if (from === 'Deleting') return;
        expect(mayBecome(from, 'Deleting')).toBe(true);
        expect(mayBecome(from, 'Error')).toBe(from !== 'Error');
      }),
    );
  });

  it('lead from everywhere to rest, whatever way is taken', () => {
    fc.assert(
      fc.property(status, fc.infiniteStream(fc.nat()), (start, choices) => {
        let current = start;
        for (let steps = 0; isTransitional(current) && current !== 'Deleting'; steps++) {
          const ways = clusterStatuses.filter((to) => mayBecome(current, to));
          const chosen = ways[choices.next().value % ways.length];
          expect(chosen).toBeDefined();
          if (chosen) current = chosen;
          expect(steps).toBeLessThan(clusterStatuses.length);
        }
      }),
    );
  });

  it('bring a failed cluster back only by way of nothing: it can only go', () => {
    const ways = clusterStatuses.filter((to) => mayBecome('Error', to));
    expect(ways).toEqual(['AwaitingTermination', 'Deleting']);
  });
});
