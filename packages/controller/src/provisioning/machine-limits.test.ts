import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MachineLimits } from './machine-limits.ts';
import { ClusterGoneError } from './provisioning-error.ts';

const machine = fc.record({
  id: fc.constantFrom('a', 'b', 'c'),
  cloud: fc.constantFrom('here', 'there'),
  takes: fc.integer({ min: 0, max: 3 }),
  fails: fc.boolean(),
});
const atOnce = fc.record({
  cluster: fc.integer({ min: 1, max: 4 }),
  project: fc.integer({ min: 1, max: 4 }),
  cloud: fc.integer({ min: 1, max: 4 }),
});

/** Clusters a and b share a project. */
const clusterOf = ({ id, cloud }: { id: string; cloud: string }) => ({
  id: `${cloud} ${id}`,
  project_id: id === 'c' ? 'other' : 'one',
  cloud,
});

describe('limits of machines at once', () => {
  it('hold for each cluster, project and cloud, and everything is done once', async () => {
    await fc.assert(
      fc.asyncProperty(atOnce, fc.array(machine, { maxLength: 30 }), async (most, machines) => {
        const limits = new MachineLimits(most);
        const now = new Map<string, number>();
        const count = (key: string, by: number, allowed: number) => {
          const value = (now.get(key) ?? 0) + by;
          now.set(key, value);
          expect(value).toBeLessThanOrEqual(allowed);
        };
        let done = 0;
        const ends = await Promise.allSettled(
          machines.map((each) => {
            const cluster = clusterOf(each);
            const all = (by: number) => {
              count(`cluster ${cluster.id}`, by, most.cluster);
              count(`project ${cluster.cloud} ${cluster.project_id}`, by, most.project);
              count(`cloud ${cluster.cloud}`, by, most.cloud);
            };
            return limits.run(cluster, async () => {
              all(1);
              await sleep(each.takes);
              all(-1);
              done += 1;
              if (each.fails) throw new Error('it failed');
            });
          }),
        );
        expect(done).toBe(machines.length);
        expect(ends.map(({ status }) => status)).toEqual(
          machines.map(({ fails }) => (fails ? 'rejected' : 'fulfilled')),
        );
      }),
      { numRuns: 40 },
    );
  });

  it('are not held by what waits: who gives up has begun nothing, and those behind go on', async () => {
    const limits = new MachineLimits({ cluster: 2, project: 2, cloud: 1 });
    const cluster = (id: string) => ({ id, project_id: 'one', cloud: 'here' });
    const release: (() => void)[] = [];
    const holding = limits.run(cluster('a'), () => new Promise<void>((resolve) => release.push(resolve)));
    const stop = new AbortController();
    let begun = false;
    const waiting = limits.run(cluster('b'), async () => (begun = true), stop.signal);
    const behind = limits.run(cluster('c'), async () => 'done');
    stop.abort();
    await expect(waiting).rejects.toThrow(ClusterGoneError);
    expect(begun).toBe(false);
    release[0]?.();
    await holding;
    await expect(behind).resolves.toBe('done');
    await expect(limits.run(cluster('b'), async () => 'too', stop.signal)).rejects.toThrow(ClusterGoneError);
  });

  it('let the failure of what had begun through, also when it was to stop', async () => {
    const limits = new MachineLimits({ cluster: 1, project: 1, cloud: 1 });
    const stop = new AbortController();
    const failing = limits.run(
      { id: 'a', project_id: 'one', cloud: 'here' },
      async () => {
        stop.abort();
        throw new Error('its own');
      },
      stop.signal,
    );
    await expect(failing).rejects.toThrow('its own');
  });
});
