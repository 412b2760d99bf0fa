import { setTimeout as sleep } from 'node:timers/promises';
import {
  AccessError,
  type AttachedRun,
  type Command,
  describeRoute,
  type FollowedRun,
  type Route,
  type RunEnd,
  type RunOffsets,
} from '@wadi/indirect-access';
import type { RunRow, Stream, TargetResult } from '../storage/runs.ts';
import { accessProblem } from './access-problem.ts';
import type { InstanceFacts } from './cluster-facts.ts';
import type { ClusterReach } from './cluster-reach.ts';
import type { RunInput } from './run-input.ts';
import type { RunJournal } from './run-journal.ts';
import { endOf, noContact, noTrace, type Outcome } from './run-outcome.ts';

export interface TargetRunParts {
  readonly run: RunRow;
  readonly input: RunInput;
  readonly instance: InstanceFacts;
  readonly journal: RunJournal;
  /** The ways to the machine as of now, or a moment ago. */
  reach(): Promise<ClusterReach>;
  /** Runs what connects, of which only so much is done at once. */
  connecting<T>(work: () => Promise<T>): Promise<T>;
  /** Until what it returns is called, `leave` is called when the route is not to be used any more. */
  leaving(route: Route, leave: () => void): () => void;
  /** Ends the command. */
  readonly cancel: AbortSignal;
  /** Ends only the looking on: another controller goes on with it. */
  readonly letGo: AbortSignal;
  /** Milliseconds without a way to the machine after which nobody waits any more. */
  readonly lostContact: number;
}

/** How far somebody else had come with it. */
export interface TargetBegin {
  readonly claimed: boolean;
  readonly offsets: RunOffsets;
}

/** Milliseconds between attempts to find a way, growing. */
const [firstPause, longestPause] = [100, 5_000];
/** Times that a run which is not begun is tried anew after its connection was lost. */
const mostLooks = 3;
/** A machine that cannot be reached when a command is to be ended is tried this long. */
const cancelPatience = 30_000;
/** And one that goes on to send what the command had said by then, this long. */
const endPatience = 600_000;
/** Milliseconds beyond its time after which a command that says nothing has a machine that does not keep the time. */
const overdue = 60_000;
/** The longest that a timer can be set to. */
const longestTimer = 2 ** 31 - 1;

/** The life of a run on one machine, from a claim to a result, over as many paths as it takes. */
export class TargetRun {
  readonly #parts: TargetRunParts;
  #claimed: boolean;
  #route: Route | undefined;
  #followed: FollowedRun | undefined;
  #cancelledAt: number | undefined;
  /** When its time is over, as far as is known here. Milliseconds of `performance`. */
  #dueAt: number | undefined;
  /** There is no such machine any more. */
  #isGone = false;
  /** It answers, and does not end the command that it was told to end. */
  #isDeaf = false;
  readonly #read: { stdout: number; stderr: number };
  /** What outlives this run must not hold it. */
  readonly #over = new AbortController();
  /** Ends what is done before anything can have begun. */
  readonly #unbegun = new AbortController();

  constructor(parts: TargetRunParts, begin: TargetBegin) {
    this.#parts = parts;
    this.#claimed = begin.claimed;
    this.#read = { ...begin.offsets };
    const { signal } = this.#over;
    const cancel = () => {
      this.#unbegun.abort();
      this.#followed?.cancel();
    };
    const letGo = () => {
      this.#unbegun.abort();
      this.#followed?.close();
    };
    parts.cancel.addEventListener('abort', cancel, { once: true, signal });
    parts.letGo.addEventListener('abort', letGo, { once: true, signal });
    if (parts.cancel.aborted || parts.letGo.aborted) this.#unbegun.abort();
  }

  /** To be called when nothing more is asked of it. */
  dispose(): void {
    this.#over.abort();
  }

  /** undefined: it is not ours to settle. */
  async result(): Promise<TargetResult | undefined> {
    const { run, instance } = this.#parts;
    const outcome = await this.#outcome();
    if (!outcome) return undefined;
    const { dropped = { stdout: 0, stderr: 0 }, ...what } = outcome;
    const [stdoutBytes, stderrBytes] = [
      this.#read.stdout + dropped.stdout,
      this.#read.stderr + dropped.stderr,
    ];
    const most = Number(run.max_output_bytes);
    return {
      ...what,
      runId: run.id,
      instanceId: instance.id,
      stdoutBytes,
      stderrBytes,
      truncated: stdoutBytes > most || stderrBytes > most || dropped.stdout + dropped.stderr > 0,
      route: this.#route ? describeRoute(this.#route) : null,
    };
  }

  /** Whether a failure means that nothing ran. */
  get claimed(): boolean {
    return this.#claimed;
  }

  /** Bytes of its outputs that have been read. */
  get read(): RunOffsets {
    return { ...this.#read };
  }

  /** The result is somebody else's to store: the machine keeps what it has. */
  leave(): void {
    this.#followed?.close();
  }

  /** Once the result is stored, the machine need not keep it. The way by which it was read last. */
  release(): Route | undefined {
    this.#followed?.release();
    return this.#followed && this.#route;
  }

  async #outcome(): Promise<Outcome | undefined> {
    const { letGo, cancel } = this.#parts;
    let contact = performance.now();
    let looks = 0;
    for (let failures = 0; !letGo.aborted; ) {
      let problem: unknown;
      const before = this.#read.stdout + this.#read.stderr;
      try {
        const attached = await this.#attach();
        const end = await this.#take(attached);
        if (end !== 'more') return end;
        failures = 0;
        contact = performance.now();
        continue;
      } catch (error) {
        if (letGo.aborted) return undefined;
        // Before the claim nothing was begun. A connection that went meanwhile says little of the ways that are left.
        if (!this.#claimed && !this.#isGone && isLost(error) && !cancel.aborted && looks++ < mostLooks)
          continue;
        if (!this.#claimed) throw error;
        problem = error;
      }
      if (this.#followed) contact = performance.now();
      this.#followed = undefined;
      failures = this.#read.stdout + this.#read.stderr > before ? 0 : failures + 1;
      if (cancel.aborted) this.#cancelledAt ??= performance.now();
      const limit = this.#cancelledAt === undefined ? this.#parts.lostContact : cancelPatience;
      const since = Math.max(contact, this.#cancelledAt ?? contact);
      if (this.#isGone || this.#isDeaf || isAnother(problem) || performance.now() - since > limit)
        return noContact(problem, this.#parts.instance);
      // What another controller is to go on from, and what the machine may forget, is what is stored.
      await this.#committed();
      if (failures > 1) await this.#pause(failures);
    }
    return undefined;
  }

  async #attach(): Promise<AttachedRun> {
    const { run, instance, cancel, letGo } = this.#parts;
    if (cancel.aborted && !this.#claimed) throw cancelled(instance);
    const signal = this.#claimed ? letGo : this.#unbegun.signal;
    const reach = await this.#parts.reach();
    const known = reach.find(instance.id);
    if (!known) {
      this.#isGone = true;
      throw new AccessError(`machine ${instance.name} is gone`, { code: 'CLOSED', hop: instance.name });
    }
    const options = { id: run.id, first: !this.#claimed, asRoot: run.as_root, signal };
    return this.#parts.connecting(() =>
      reach.through(
        known,
        (route) => {
          this.#route = route;
          return reach.indirect.attachRun(route, options);
        },
        signal,
      ),
    );
  }

  async #take(attached: AttachedRun): Promise<Outcome | 'more' | undefined> {
    const { run, instance, input, cancel, letGo } = this.#parts;
    try {
      if (attached.state === 'missing' && !this.#claimed) throw noPlace(instance);
      if (!this.#claimed && !(await this.#claim(attached))) return undefined;
      if (letGo.aborted) return undefined;
      if (attached.state !== 'fresh' && attached.state !== 'begun') return noTrace(attached.state, instance);
      if (attached.state === 'fresh' && cancel.aborted)
        return { status: 'cancelled', error: accessProblem(cancelled(instance)) };
      this.#followed =
        attached.state === 'begun'
          ? attached.follow(this.#read)
          : attached.start({
              command: run.command as Command,
              env: input.env,
              stdin: input.stdin,
              timeout: run.timeout_seconds,
              maxOutputBytes: Number(run.max_output_bytes),
            });
    } finally {
      if (!this.#followed) attached.close();
    }
    const followed = this.#followed;
    if (cancel.aborted) followed.cancel();
    if (letGo.aborted) followed.close();
    // Closed as a lost connection is: what was read counts, and the next attachment takes another way.
    const stay = this.#route && this.#parts.leaving(this.#route, () => followed.close());
    const end = await this.#readAll(followed).finally(stay);
    if (end.how !== 'more') return endOf(end, run, instance);
    this.#followed.close();
    this.#followed = undefined;
    await this.#committed();
    return 'more';
  }

  #committed(): Promise<void> {
    const { run, instance, journal } = this.#parts;
    return journal.committed({ runId: run.id, instanceId: instance.id });
  }

  /** Only now, as the machine has a place for the run: what could not be reached stays free of doubt. */
  async #claim({ bootId }: AttachedRun): Promise<boolean> {
    const { run, instance, journal } = this.#parts;
    const route = this.#route ? describeRoute(this.#route) : '';
    this.#claimed = await journal.claim({ runId: run.id, instanceId: instance.id, route, bootId });
    return this.#claimed;
  }

  async #readAll(followed: FollowedRun): Promise<RunEnd> {
    const patience = this.#endPatience(followed);
    this.#watchTime(followed, patience.signal);
    try {
      await Promise.allSettled([this.#keep(followed, 'stdout'), this.#keep(followed, 'stderr')]);
      return await followed.end;
    } finally {
      patience.abort();
    }
  }

  /** A machine that does not answer to a cancellation is given up with its connection. */
  #endPatience(followed: FollowedRun): AbortController {
    const over = new AbortController();
    const { cancel } = this.#parts;
    const wait = () => {
      const since = this.#cancelledAt ?? performance.now();
      this.#cancelledAt = since;
      const { stdout, stderr } = this.#read;
      const timer = setTimeout(() => {
        const isSilent = this.#read.stdout === stdout && this.#read.stderr === stderr;
        this.#isDeaf = isSilent || performance.now() - since > endPatience;
        followed.close();
      }, cancelPatience);
      over.signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
    };
    if (cancel.aborted) wait();
    else cancel.addEventListener('abort', wait, { once: true, signal: over.signal });
    return over;
  }

  /** The machine ends the command when its time is over. One that does not, and says nothing more, is given up. */
  #watchTime(followed: FollowedRun, over: AbortSignal): void {
    const { timeout_seconds: seconds } = this.#parts.run;
    if (!seconds) return;
    this.#dueAt ??= performance.now() + seconds * 1000;
    const due = this.#dueAt;
    let timer: NodeJS.Timeout;
    const wait = (milliseconds: number) => {
      const before = this.#read.stdout + this.#read.stderr;
      timer = setTimeout(
        () => {
          if (performance.now() < due || this.#read.stdout + this.#read.stderr > before) return wait(overdue);
          this.#isDeaf = true;
          followed.close();
        },
        Math.min(longestTimer, milliseconds),
      );
    };
    wait(Math.max(0, due - performance.now()) + overdue);
    over.addEventListener('abort', () => clearTimeout(timer), { once: true });
  }

  /** Takes what comes, and keeps what the run may keep. */
  async #keep(followed: FollowedRun, stream: Stream): Promise<void> {
    const { run, instance, journal } = this.#parts;
    const most = Number(run.max_output_bytes);
    try {
      for await (const bytes of followed[stream]) {
        const offset = this.#read[stream];
        this.#read[stream] += bytes.length;
        const kept = bytes.subarray(0, Math.max(0, most - offset));
        if (kept.length === 0) continue;
        await journal.append({ runId: run.id, instanceId: instance.id, stream, offset, bytes: kept });
      }
    } catch (error) {
      // Both or none: one that went on alone would be read twice.
      followed.close();
      throw error;
    }
  }

  async #pause(failures: number): Promise<void> {
    const most = Math.min(longestPause, firstPause * 2 ** Math.min(failures, 10));
    const signal = this.#parts.letGo;
    await sleep(most * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {});
  }
}

/** A connection that went, or all to a machine that answers elsewhere now. */
function isLost(error: unknown): boolean {
  return error instanceof AccessError && (error.code === 'CONNECTION_LOST' || error.code === 'CLOSED');
}

/** The machine is not the one that it was, and will not be tomorrow. */
function isAnother(error: unknown): boolean {
  return error instanceof AccessError && error.code === 'HOST_KEY_MISMATCH';
}

function cancelled(instance: InstanceFacts): AccessError {
  const message = `machine ${instance.name}: cancelled before the command was started`;
  return new AccessError(message, { code: 'CANCELLED', hop: instance.name });
}

function noPlace({ name }: InstanceFacts): AccessError {
  return new AccessError(`machine ${name}: there is no place to keep a run; nothing ran`, {
    code: 'FILE_FAILED',
    hop: name,
    phase: 'command',
    hint: 'the home directory of the login user, /var/tmp and /dev/shm are all full or cannot be written',
  });
}
