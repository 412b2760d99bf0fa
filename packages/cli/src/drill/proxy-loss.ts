import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError } from '../command-error.ts';
import { ExitCode } from '../exit-code.ts';
import { foldNames } from '../node-set.ts';
import type { Carrier, ErrandEnd, UnderWay } from './carrier.ts';
import { chooseFault, hitBy } from './choose-fault.ts';
import { describeFault, type Fault, type FaultKind, type Injector, withFault } from './injector.ts';
import { type LoadCommand, type LoadRound, planLoad } from './load-plan.ts';
import { makeFolder, readNotes, removeFolder, weighFile } from './load-script.ts';
import { LoadedCommand } from './loaded-command.ts';
import { lookAround } from './look-around.ts';
import { MachineClock } from './machine-clock.ts';
import { type Reckoning, reckon, type UploadResult } from './reckoning.ts';
import { UploadSource } from './upload-source.ts';

export interface Drill {
  readonly carrier: Carrier;
  readonly injector: Injector;
  readonly proxies: readonly string[];
  /** Those that the load runs on: all that are no proxies. */
  readonly machines: readonly string[];
  readonly commands: number;
  readonly kinds: readonly FaultKind[];
  /** How long each fault lasts, and the calm after it. */
  readonly seconds: number;
  /** Bytes; 0: no upload. */
  readonly upload: number;
  readonly tell: (news: string) => void;
  /** Ctrl-C: the fault is ended, then the load, and nothing is left on the machines. */
  readonly signal: AbortSignal;
}

interface Blow {
  readonly fault: Fault;
  readonly hit: ReadonlySet<string>;
  readonly watched: readonly LoadedCommand[];
  readonly began: number;
}

/** Seconds by which a lasting command outlives its fault. */
const overlap = 5;
/** Milliseconds for a round's commands to begin, and for everything to end after the last fault. */
const beginPatience = 60_000;
const endPatience = 180_000;
const uploadId = 'upload';
/** Milliseconds for the upload to come to the next fault's share and to be seen, and between two looks. */
const uploadPatience = 120_000;
const uploadPause = 100;

/** Blocks a proxy in one way after the other, under load, and counts what that did. */
export async function drillProxyLoss(drill: Drill): Promise<Reckoning> {
  return await new ProxyLoss(drill).run();
}

class ProxyLoss {
  readonly #drill: Drill;
  readonly #folder = `.wadi-drill-${randomBytes(4).toString('hex')}`;
  readonly #source: UploadSource;
  /** The machine of the upload, and the one that a proxy is cut from. */
  readonly #target: string;
  readonly #clocks = new Map<string, MachineClock>();
  readonly #loaded: LoadedCommand[] = [];
  readonly #blows: Blow[] = [];
  readonly #stop = new AbortController();
  #upload: Promise<ErrandEnd> | undefined;
  #uploadEnded = false;

  constructor(drill: Drill) {
    this.#drill = drill;
    this.#source = new UploadSource(drill.upload, drill.kinds.length);
    this.#target = drill.machines[0] ?? '';
  }

  async run(): Promise<Reckoning> {
    const { carrier, machines, seconds, signal } = this.#drill;
    const stop = () => this.#stop.abort();
    signal.addEventListener('abort', stop, { once: true });
    try {
      await this.#prepare();
      if (this.#drill.upload > 0) this.#upload = this.#startUpload();
      const wish = { ...this.#drill, folder: this.#folder, lastingSeconds: seconds + overlap };
      for (const [share, round] of planLoad(wish).entries()) await this.#round(round, share);
      await this.#untilEnded();
      signal.throwIfAborted();
      const notes = await lookAround(carrier, machines, readNotes(this.#folder));
      return this.#reckon(notes, await this.#weighUpload());
    } finally {
      signal.removeEventListener('abort', stop);
      await this.#cleanUp();
    }
  }

  async #prepare(): Promise<void> {
    const { carrier, machines } = this.#drill;
    const made = await lookAround(carrier, machines, makeFolder(this.#folder));
    const missing = machines.filter((machine) => !made.has(machine));
    if (missing.length === 0) return;
    const message = `${foldNames(missing)} cannot be reached even before anything is blocked`;
    throw new CommandError(message, ExitCode.unreachable);
  }

  #startUpload(): Promise<ErrandEnd> {
    const { signal } = this.#stop;
    const [file, source] = [this.#uploadFile, this.#source];
    const upload = this.#drill.carrier.upload({ id: uploadId, machine: this.#target, file, source, signal });
    const ended = () => {
      this.#uploadEnded = true;
    };
    upload.then(ended, ended);
    return upload;
  }

  async #round({ kind, lasting, brief }: LoadRound, share: number): Promise<void> {
    const { injector, proxies, seconds, signal, tell } = this.#drill;
    // First: what is left of the share before may take a while, and the commands do not last for ever.
    if (this.#upload)
      await within(uploadPatience, Promise.race([this.#source.open(share), this.#upload]), signal);
    const begun = lasting.map((command) => this.#load(command));
    await within(beginPatience, Promise.all(begun.map((each) => each.begun)), signal);
    const feeding = this.#feed(brief, seconds * 2);
    const underWay = await this.#underWay();
    const fault = chooseFault(underWay, { kind, proxies, machine: this.#target, upload: uploadId });
    const hit = new Set(hitBy(fault, underWay).map(({ id }) => id));
    const watched = begun.filter(({ command }) => hit.has(command.id));
    tell(`${describeFault(fault)}, ${hit.size} in flight …`);
    this.#blows.push({ fault, hit, watched, began: performance.now() });
    await withFault(injector, fault, async () => {
      const inForce = performance.now();
      this.#source.release(share);
      for (const each of watched) each.clock.watch(inForce);
      await sleep(seconds * 1000, undefined, { signal });
    });
    tell(`${describeFault(fault)} is over`);
    await feeding;
  }

  /** With the upload, whose bytes trickle by one way until the fault is in force. */
  async #underWay(): Promise<readonly UnderWay[]> {
    const { carrier, signal } = this.#drill;
    for (const end = performance.now() + uploadPatience; ; ) {
      const found = await carrier.underWay();
      const complete = !this.#upload || this.#uploadEnded || found.some(({ id }) => id === uploadId);
      if (complete || performance.now() > end || signal.aborted) return found;
      await within(uploadPause, never, signal);
    }
  }

  /** One after the other in so many seconds. */
  async #feed(brief: readonly LoadCommand[], seconds: number): Promise<void> {
    const began = performance.now();
    for (const [place, command] of brief.entries()) {
      const due = began + (seconds * 1000 * place) / brief.length;
      await within(due - performance.now(), never, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      this.#load(command);
    }
    await within(began + seconds * 1000 - performance.now(), never, this.#stop.signal);
  }

  #load(command: LoadCommand): LoadedCommand {
    const clock = this.#clocks.get(command.machine) ?? new MachineClock();
    this.#clocks.set(command.machine, clock);
    const loaded = new LoadedCommand(command, this.#drill.carrier, clock, this.#stop.signal);
    this.#loaded.push(loaded);
    return loaded;
  }

  async #untilEnded(): Promise<void> {
    this.#source.releaseAll();
    const all = Promise.all([...this.#loaded.map((each) => each.ended), this.#upload]);
    await within(endPatience, all, this.#stop.signal);
    this.#stop.abort();
    await all;
  }

  get #uploadFile(): string {
    return `${this.#folder}/upload`;
  }

  async #weighUpload(): Promise<UploadResult | null> {
    if (!this.#upload) return null;
    const weighed = await lookAround(this.#drill.carrier, [this.#target], weighFile(this.#uploadFile));
    const [bytes = '0', digest = ''] = weighed.get(this.#target)?.trim().split(/\s+/) ?? [];
    return {
      ...(await this.#upload),
      expected: { bytes: this.#source.size, digest: this.#source.sha256 },
      found: { bytes: Number(bytes), digest },
    };
  }

  #reckon(notes: ReadonlyMap<string, string>, upload: UploadResult | null): Reckoning {
    const faults = this.#blows.map(({ fault, hit, watched, began }) => ({
      ...fault,
      inFlight: hit.size,
      uploadInFlight: hit.has(uploadId),
      reroutes: watched.flatMap((each) => rerouteOf(each, began)),
    }));
    const ids = new Map([...notes].map(([machine, text]) => [machine, text.split('\n')]));
    const results = this.#loaded.map((each) => each.result);
    return reckon(results, ids, faults, upload);
  }

  async #cleanUp(): Promise<void> {
    const { carrier, machines, tell } = this.#drill;
    this.#stop.abort();
    this.#source.releaseAll();
    await Promise.allSettled([...this.#loaded.map((each) => each.ended), this.#upload]);
    const removed = await lookAround(carrier, machines, removeFolder(this.#folder));
    const left = machines.filter((machine) => !removed.has(machine));
    if (left.length > 0) tell(`~/${this.#folder} is left behind on ${foldNames(left)}`);
  }
}

/** Seconds; null: its output never came through. None where it had printed everything before the fault. */
function rerouteOf({ clock: { through }, result }: LoadedCommand, began: number): (number | null)[] {
  if (through !== undefined) return [(through - began) / 1000];
  return result.bytesLost > 0 ? [null] : [];
}

const never = new Promise<never>(() => {});

/** Waits for it, but only so long. */
async function within(milliseconds: number, work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const done = new AbortController();
  const either = { signal: AbortSignal.any([signal, done.signal]) };
  const late = sleep(Math.max(0, milliseconds), undefined, either).catch(() => undefined);
  await Promise.race([work, late]).finally(() => done.abort());
}
