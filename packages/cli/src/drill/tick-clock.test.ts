import { expect, it } from 'vitest';
import { MachineClock } from './machine-clock.ts';
import { TickClock } from './tick-clock.ts';

/** A machine that was up for 100 s when our clock said 0. */
const up = (ours: number) => 100 + ours / 1000;

it('takes no tick for a sign of another path that was printed before the fault', () => {
  const clock = new TickClock(new MachineClock(), 1000);
  clock.tick(up(1040), 1060);
  clock.watch(2000);
  clock.tick(up(1950), 2900);
  expect(clock.through).toBeUndefined();
  clock.tick(up(2500), 4000);
  clock.tick(up(3900), 4100);
  expect(clock.through).toBe(4000);
});

it('knows the machine by the shortest of its answers, and is in doubt on the late side', () => {
  const machine = new MachineClock();
  const slow = new TickClock(machine, 0);
  slow.tick(up(900), 950);
  slow.watch(2000);
  slow.tick(up(1950), 2510);
  slow.tick(up(2050), 2520);
  slow.tick(up(2950), 3000);
  expect(slow.through).toBe(3000);
  new TickClock(machine, 3100).tick(up(3120), 3150);
  expect(slow.through).toBe(2520);
});

it('waits a while where ticks do not tell when they were printed', () => {
  const clock = new TickClock(new MachineClock(), 0);
  clock.watch(2000);
  clock.tick(undefined, 2500);
  clock.tick(undefined, 3100);
  expect(clock.through).toBe(3100);
});
