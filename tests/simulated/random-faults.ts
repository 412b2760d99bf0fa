import { setTimeout as sleep } from 'node:timers/promises';
import type { SimulatedMachine } from './simulated-machine.ts';

export interface Fault {
  readonly machine: SimulatedMachine;
  readonly kind: 'dead' | 'frozen';
  readonly from: number;
  /** Infinity: it still lasts. */
  to: number;
}

/** Lets machines die and freeze at random, and come back, until it is over; two are always left. */
export async function randomFaults(
  machines: readonly SimulatedMachine[],
  random: () => number,
  signal: AbortSignal,
): Promise<Fault[]> {
  const faults: Fault[] = [];
  const endings: Promise<void>[] = [];
  const pause = (least: number, most: number) =>
    sleep(least + random() * (most - least), undefined, { signal }).catch(() => {});
  while (!signal.aborted) {
    await pause(50, 250);
    const up = machines.filter(({ state }) => state === 'up');
    const victim = up[Math.floor(random() * up.length)];
    if (!victim || up.length < 3 || signal.aborted) continue;
    const kind = random() < 0.5 ? 'dead' : 'frozen';
    const fault: Fault = { machine: victim, kind, from: performance.now(), to: Number.POSITIVE_INFINITY };
    faults.push(fault);
    victim.set(kind);
    endings.push(
      pause(200, 1000).then(() => {
        fault.to = performance.now();
        victim.set('up');
      }),
    );
  }
  await Promise.all(endings);
  return faults;
}
