import type { Sample } from './fanout-rounds.ts';

interface Timing {
  /** Of the wall time. */
  readonly median: number;
  /** Machines without a right answer, in the worst round. */
  readonly failed: number;
}

interface Comparison {
  readonly wadi: Timing;
  readonly peers: { readonly sshJ: Timing; readonly sshMaster: Timing };
  /** The peer's median divided by Wadi's. */
  readonly ratio: { readonly sshJ: number; readonly sshMaster: number };
}

export interface FanoutResult {
  readonly unit: 's';
  readonly nodes: number;
  readonly cold: Comparison;
  readonly warm: Comparison;
  /** Machines lost with sshd's default limits on the proxy, median of the rounds. */
  readonly defaultLimits: { readonly lost: Readonly<Record<'wadi' | 'sshJ' | 'sshMaster', number>> };
}

export function report(nodes: number, timed: readonly Sample[], limited: readonly Sample[]): FanoutResult {
  return {
    unit: 's',
    nodes,
    cold: compare(timed, 'wadiCold'),
    warm: compare(timed, 'wadiWarm'),
    defaultLimits: {
      lost: {
        wadi: lost(limited, 'wadiCold'),
        sshJ: lost(limited, 'sshJ'),
        sshMaster: lost(limited, 'sshMaster'),
      },
    },
  };
}

function compare(samples: readonly Sample[], way: 'wadiCold' | 'wadiWarm'): Comparison {
  const [wadi, sshJ, sshMaster] = [
    timing(samples, way),
    timing(samples, 'sshJ'),
    timing(samples, 'sshMaster'),
  ];
  const ratio = (peer: Timing) => Number((peer.median / wadi.median).toFixed(2));
  return { wadi, peers: { sshJ, sshMaster }, ratio: { sshJ: ratio(sshJ), sshMaster: ratio(sshMaster) } };
}

function timing(samples: readonly Sample[], way: Sample['way']): Timing {
  const mine = samples.filter((sample) => sample.way === way);
  return {
    median: Number(median(mine.map((sample) => sample.seconds)).toFixed(4)),
    failed: Math.max(...mine.map((sample) => sample.failed)),
  };
}

function lost(samples: readonly Sample[], way: Sample['way']): number {
  return median(samples.filter((sample) => sample.way === way).map((sample) => sample.failed));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = Number.NaN, high = Number.NaN] = [sorted[middle - 1], sorted[middle]];
  return sorted.length % 2 === 1 ? high : (low + high) / 2;
}

export function table(result: FanoutResult): string {
  const row = (name: string, cold: Timing, warm: Timing, ratios: readonly number[], gone: number) =>
    [
      name.padEnd(30),
      ...[
        cold.median.toFixed(3),
        warm.median.toFixed(3),
        ...ratios.map((ratio) => `${ratio.toFixed(1)}x`),
      ].map((text) => text.padStart(9)),
      `${cold.failed}/${warm.failed}`.padStart(8),
      String(gone).padStart(8),
    ].join(' ');
  const { cold, warm } = result;
  const { lost: gone } = result.defaultLimits;
  return [
    `hostname on ${result.nodes} machines behind one proxy; seconds, medians`,
    `${''.padEnd(30)}      cold      warm  cold/W.   warm/W.    failed  lost with default limits`,
    row('Wadi', cold.wadi, warm.wadi, [1, 1], gone.wadi),
    row(
      'ssh -J, 32 at once',
      cold.peers.sshJ,
      warm.peers.sshJ,
      [cold.ratio.sshJ, warm.ratio.sshJ],
      gone.sshJ,
    ),
    row(
      'ssh over a warm master, 32',
      cold.peers.sshMaster,
      warm.peers.sshMaster,
      [cold.ratio.sshMaster, warm.ratio.sshMaster],
      gone.sshMaster,
    ),
  ].join('\n');
}
