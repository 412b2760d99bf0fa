import type { FaultKind } from './injector.ts';

/** What became of one command, as far as the carrier and its output tell. */
export interface CommandResult {
  readonly id: string;
  readonly machine: string;
  readonly succeeded: boolean;
  readonly why: string;
  readonly bytesLost: number;
  readonly bytesDoubled: number;
}

export interface UploadResult {
  readonly succeeded: boolean;
  readonly why: string;
  readonly expected: { readonly bytes: number; readonly digest: string };
  /** On the machine. */
  readonly found: { readonly bytes: number; readonly digest: string };
}

export interface FaultResult {
  readonly kind: FaultKind;
  readonly proxy: string;
  readonly machine?: string;
  /** Commands, and the upload, whose way led through the proxy. */
  readonly inFlight: number;
  readonly uploadInFlight: boolean;
  /** Of each command that is watched: from the beginning of the fault; null: nothing came any more. */
  readonly reroutes: readonly (number | null)[];
}

export interface Seconds {
  readonly p50: number | null;
  readonly max: number | null;
}

export interface Reckoning {
  readonly commands: number;
  /** Did not succeed, or left no line on its machine. */
  readonly lost: number;
  /** Left more than one line. */
  readonly doubled: number;
  /** Of the output of all commands, and of the upload. */
  readonly bytesLost: number;
  readonly bytesDoubled: number;
  readonly rerouteSeconds: Seconds;
  readonly faults: readonly {
    readonly fault: FaultKind;
    readonly proxy: string;
    readonly machine?: string;
    readonly inFlight: number;
    readonly uploadInFlight: boolean;
    readonly rerouteSeconds: Seconds;
    readonly notRerouted: number;
  }[];
  readonly upload: { readonly bytes: number; readonly intact: boolean } | null;
  /** What became of the first few that were lost. */
  readonly troubles: readonly string[];
}

const mostTroubles = 10;

/** @param notes the ids that stand in the drill's file on each machine; a machine that cannot be read has none. */
export function reckon(
  results: readonly CommandResult[],
  notes: ReadonlyMap<string, readonly string[]>,
  faults: readonly FaultResult[],
  upload: UploadResult | null,
): Reckoning {
  const noted = ({ id, machine }: CommandResult) =>
    notes.get(machine)?.filter((note) => note === id).length ?? 0;
  const lost = results.filter((each) => !each.succeeded || noted(each) === 0);
  const reroutes = faults.flatMap((fault) => fault.reroutes);
  const carried = upload ? uploadBytes(upload) : { bytesLost: 0, bytesDoubled: 0 };
  const unnoted = ({ machine }: CommandResult) =>
    notes.has(machine) ? 'it succeeded, and left no line' : 'the file on its machine could not be read';
  const troubles = lost.map((each) => `${each.id} on ${each.machine}: ${each.why || unnoted(each)}`);
  if (upload && !upload.succeeded) troubles.unshift(`upload: ${upload.why}`);
  return {
    commands: results.length,
    lost: lost.length,
    doubled: results.filter((each) => noted(each) > 1).length,
    bytesLost: sum(results.map((each) => each.bytesLost)) + carried.bytesLost,
    bytesDoubled: sum(results.map((each) => each.bytesDoubled)) + carried.bytesDoubled,
    rerouteSeconds: secondsOf(reroutes),
    faults: faults.map(({ kind, reroutes: its, ...fault }) => ({
      fault: kind,
      ...fault,
      rerouteSeconds: secondsOf(its),
      notRerouted: its.filter((each) => each === null).length,
    })),
    upload: upload && { bytes: upload.expected.bytes, intact: isIntact(upload) },
    troubles: troubles.slice(0, mostTroubles),
  };
}

/** Nothing was lost and nothing came twice. */
export function isFlawless(reckoning: Reckoning): boolean {
  const { lost, doubled, bytesLost, bytesDoubled } = reckoning;
  return lost + doubled + bytesLost + bytesDoubled === 0;
}

function isIntact({ expected, found }: UploadResult): boolean {
  return expected.bytes === found.bytes && expected.digest === found.digest;
}

/** Of a file of the right length with other bytes in it, nothing can be trusted. */
function uploadBytes(upload: UploadResult) {
  const surplus = upload.found.bytes - upload.expected.bytes;
  const spoilt = surplus === 0 && !isIntact(upload);
  return {
    bytesLost: spoilt ? upload.expected.bytes : Math.max(0, -surplus),
    bytesDoubled: Math.max(0, surplus),
  };
}

function secondsOf(values: readonly (number | null)[]): Seconds {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  const round = (value: number | undefined) => (value === undefined ? null : Number(value.toFixed(2)));
  return { p50: round(sorted[Math.ceil(sorted.length / 2) - 1]), max: round(sorted.at(-1)) };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
