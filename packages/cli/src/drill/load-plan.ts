import type { FaultKind } from './injector.ts';
import { bulkScript, type Script, tickingScript } from './load-script.ts';

export interface LoadCommand extends Script {
  readonly id: string;
  readonly machine: string;
}

/** What runs while one fault comes and goes. */
export interface LoadRound {
  readonly kind: FaultKind;
  /** Run from before the fault until after it. Some say the time so often that they tell when the output comes again. */
  readonly lasting: readonly LoadCommand[];
  /** Started one after the other, before, during and after it. */
  readonly brief: readonly LoadCommand[];
}

export interface LoadWish {
  readonly folder: string;
  /** In all rounds together. */
  readonly commands: number;
  readonly machines: readonly string[];
  readonly kinds: readonly FaultKind[];
  /** How long the lasting ones run. */
  readonly lastingSeconds: number;
}

/** Of a round's commands. */
const shares = { ticker: 0.04, slow: 0.3, bulk: 0.03 };
const mostTickers = 8;
/** Lasting commands on the machine that a proxy is cut from; what more there is would wait for room in sshd's MaxSessions. */
const mostCutOff = 28;
/** Seconds from line to line: of the few whose lines are waited for, and of the many that are only running. */
const intervals = { ticker: 0.1, slow: 2 };

/**
 * Spreads the commands over the rounds and the machines. A cut from one machine must find enough on it: the
 * first, to which the upload goes too.
 */
export function planLoad({ folder, commands, machines, kinds, lastingSeconds }: LoadWish): LoadRound[] {
  let count = 0;
  const [first = ''] = machines;
  const next = () => ({ id: `c${count + 1}`, machine: machines[count++ % machines.length] ?? first });
  const ticking = (interval: number) => (place: { id: string; machine: string }) => {
    const ticks = Math.ceil(lastingSeconds / interval) + 1;
    return { ...place, ...tickingScript(folder, place.id, ticks, interval) };
  };
  return kinds.map((kind, round) => {
    const share = Math.floor(commands / kinds.length) + (round < commands % kinds.length ? 1 : 0);
    const tickers = Math.min(share, mostTickers, Math.max(2, Math.round(share * shares.ticker)));
    const slow = Math.min(share - tickers, Math.max(1, Math.round(share * shares.slow)));
    const bulk = Math.min(share - tickers - slow, Math.max(1, Math.round(share * shares.bulk)));
    const quick = share - tickers - slow - bulk;
    const places = times(tickers + slow, next).map((place, rank) =>
      kind === 'cut' && rank < mostCutOff ? { ...place, machine: first } : place,
    );
    const lasting = [
      ...places.slice(0, tickers).map(ticking(intervals.ticker)),
      ...places.slice(tickers).map(ticking(intervals.slow)),
    ];
    const bulks = times(bulk, next).map((each) => ({ ...each, ...bulkScript(folder, each.id) }));
    const quicks = times(quick, next).map((each) => ({ ...each, ...tickingScript(folder, each.id, 1, 0) }));
    return { kind, lasting, brief: interleave(bulks, quicks) };
  });
}

function times<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}

/** The few spread evenly among the many, the first of them first. */
function interleave<T>(few: readonly T[], many: readonly T[]): T[] {
  const gap = many.length / Math.max(1, few.length);
  return few
    .flatMap((one, place) => [one, ...many.slice(Math.round(place * gap), Math.round((place + 1) * gap))])
    .concat(few.length === 0 ? many : []);
}
