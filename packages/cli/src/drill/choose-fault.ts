import type { UnderWay } from './carrier.ts';
import type { Fault, FaultKind } from './injector.ts';

export interface Choice {
  readonly kind: FaultKind;
  readonly proxies: readonly string[];
  /** That a `cut` takes from the proxy. */
  readonly machine: string;
  readonly upload: string;
}

/** The fault that hits most: the proxy that carries the upload, then the one with the most commands. */
export function chooseFault(underWay: readonly UnderWay[], choice: Choice): Fault {
  const faults = choice.proxies.map((proxy): Fault => {
    const { kind, machine } = choice;
    return kind === 'cut' ? { kind, proxy, machine } : { kind, proxy };
  });
  const weight = (fault: Fault) => {
    const hit = hitBy(fault, underWay);
    return hit.length + (hit.some(({ id }) => id === choice.upload) ? underWay.length : 0);
  };
  const [heaviest] = [...faults].sort((a, b) => weight(b) - weight(a));
  if (!heaviest) throw new Error('no proxy to choose from');
  return heaviest;
}

/** What loses its path by the fault. */
export function hitBy({ proxy, machine }: Fault, underWay: readonly UnderWay[]): UnderWay[] {
  return underWay.filter(
    (each) => each.proxies.includes(proxy) && (machine === undefined || each.machine === machine),
  );
}
