import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Database } from '../storage/database.ts';
import { isPassing } from '../storage/passing-error.ts';
import { appendOutput, type OutputChunk } from '../storage/run-output.ts';
import {
  type Claim,
  claimTargets,
  endRun,
  finishTargets,
  holdRuns,
  notifyRuns,
  type TargetResult,
} from '../storage/runs.ts';

/** Bytes of a stored chunk, of a transaction, and in memory before those who bring output must wait. */
const chunkBytes = 64 * 1024;
const batchBytes = 4 * 1024 * 1024;
const highWater = 8 * 1024 * 1024;
/** Milliseconds that output may wait for more to come. */
const linger = 100;
/** Milliseconds before the next attempt, growing. */
const [firstDelay, longestDelay] = [100, 5000];
/** Attempts at what the database refuses for its own sake, and at anything when nobody waits any longer. */
const attempts = 5;

interface Promised<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

interface Batch {
  readonly chunks: readonly OutputChunk[];
  readonly results: readonly TargetResult[];
}

interface Target {
  readonly runId: string;
  readonly instanceId: string;
}

const keyOf = ({ runId, instanceId }: Target) => `${runId}/${instanceId}`;

/**
 * Writes what runs do, in few transactions however many machines take part: what arrives while one is under way
 * goes into the next. Nothing is dropped: while the database is away all wait for it, and of a target of which it refuses
 * something nothing later is stored.
 */
export class RunJournal {
  readonly #db: Database;
  readonly #log: Logger;
  readonly #owner: string | null;
  readonly #claims: (Promised<boolean> & { claim: Claim })[] = [];
  readonly #chunks: OutputChunk[] = [];
  /** Without a result: who only wants to know that what came before is stored. */
  readonly #results: (Promised<boolean> & { result?: TargetResult; target?: Target; after: number })[] = [];
  /** Targets of which something could not be stored, and why. */
  readonly #refused = new Map<string, unknown>();
  readonly #waiting: (() => void)[] = [];
  #bytes = 0;
  /** Chunks ever appended, and ever taken for writing. */
  #appended = 0;
  #taken = 0;
  #claiming = false;
  #flushing = false;
  #timer: NodeJS.Timeout | undefined;
  #closing = false;

  /** `owner`: the controller that writes; what is not its own is left alone. null: no matter whose. */
  constructor(db: Database, log: Logger, owner: string | null = null) {
    this.#db = db;
    this.#log = log;
    this.#owner = owner;
  }

  /**
   * True when this target may be started: it was pending, and is now durably marked as running. Not repeated when
   * the database fails: a commit whose answer was lost would look like somebody else's claim.
   */
  claim(claim: Claim): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#claims.push({ claim, resolve, reject });
      if (this.#claiming) return;
      this.#claiming = true;
      setImmediate(() => void this.#writeClaims());
    });
  }

  /** Takes output, in order and contiguous per stream. Await what it returns before bringing more. */
  append(chunk: OutputChunk): Promise<void> | undefined {
    this.#chunks.push(chunk);
    this.#appended += 1;
    this.#bytes += chunk.bytes.length;
    if (this.#bytes >= chunkBytes) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), linger);
    if (this.#bytes < highWater) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /**
   * Resolves when the result, and all output before it, is committed. False: it is not ours to settle, somebody else did
   * or will. Rejects when the database refuses something of this target: it stays as it is.
   */
  finish(result: TargetResult): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#results.push({ result, target: result, after: this.#appended, resolve, reject });
      this.#flush();
    });
  }

  /** Resolves when all output of the target that was appended so far is committed. Rejects as `finish` does. */
  async committed(target: Target): Promise<void> {
    await new Promise<boolean>((resolve, reject) => {
      this.#results.push({ target, after: this.#appended, resolve, reject });
      this.#flush();
    });
  }

  /** Resolves when nothing is left to write, or the database is away. */
  async close(): Promise<void> {
    this.#closing = true;
    await new Promise<boolean>((resolve, reject) => {
      this.#results.push({ after: this.#appended, resolve, reject });
      this.#flush();
    });
  }

  /** Closes a run all of whose targets are finished. */
  end(runId: string, status: 'finished' | 'cancelled'): Promise<void> {
    return this.#persist(async (tx) => {
      await endRun(tx, runId, status);
      await notifyRuns(tx, [runId]);
    });
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#flushing) return;
    this.#flushing = true;
    // A turn of the loop later, so that what comes in this one goes along.
    setImmediate(() => void this.#write());
  }

  async #write(): Promise<void> {
    while (this.#chunks.length > 0 || this.#results.length > 0) {
      const chunks = this.#takeChunks();
      // A result may not overtake the output before it.
      const later = this.#results.findIndex((each) => each.after > this.#taken);
      const results = this.#results.splice(0, Math.min(1000, later === -1 ? 1000 : later));
      const finished = await this.#store({
        chunks,
        results: results.flatMap(({ result }) => (result ? [result] : [])),
      });
      for (const each of results) this.#answer(each, finished);
      if (this.#bytes < highWater) for (const resume of this.#waiting.splice(0)) resume();
    }
    this.#flushing = false;
  }

  #answer({ target, resolve, reject }: Promised<boolean> & { target?: Target }, finished: Set<string>): void {
    const key = target && keyOf(target);
    if (key !== undefined && this.#refused.has(key)) reject(this.#refused.get(key));
    else resolve(key !== undefined && finished.has(key));
  }

  /** What is refused together is tried for each target by itself. Returns the targets that ended by it. */
  async #store(batch: Batch): Promise<Set<string>> {
    const known = ({ runId, instanceId }: Target) => !this.#refused.has(keyOf({ runId, instanceId }));
    const chunks = batch.chunks.filter(known);
    const results = batch.results.filter(known);
    if (chunks.length + results.length === 0) return new Set();
    const keys = new Set([...chunks, ...results].map(keyOf));
    try {
      return await this.#persist((tx) => this.#insert(tx, { chunks, results }));
    } catch (error) {
      const [only, ...others] = keys;
      if (only !== undefined && others.length === 0) {
        this.#log.error({ err: error, target: only }, 'what a run did could not be stored');
        this.#refused.set(only, error);
        return new Set();
      }
      const finished = new Set<string>();
      for (const key of keys) {
        const its = (target: Target) => keyOf(target) === key;
        const ended = await this.#store({ chunks: chunks.filter(its), results: results.filter(its) });
        for (const each of ended) finished.add(each);
      }
      return finished;
    }
  }

  async #insert(tx: Database, batch: Batch): Promise<Set<string>> {
    const all = [...batch.chunks, ...batch.results];
    const held = await holdRuns(
      tx,
      all.map(({ runId }) => runId),
      this.#owner,
    );
    const isHeld = ({ runId }: Target) => held.has(runId);
    const [chunks, results] = [batch.chunks.filter(isHeld), batch.results.filter(isHeld)];
    if (chunks.length > 0) await appendOutput(tx, chunks);
    const finished = results.length > 0 ? await finishTargets(tx, results) : new Set<string>();
    const touched = [...chunks, ...results].map(keyOf);
    if (touched.length > 0) await notifyRuns(tx, touched);
    return finished;
  }

  /** Merged per stream, so that a stored chunk is as long as it may be. */
  #takeChunks(): OutputChunk[] {
    let bytes = 0;
    let count = 0;
    const streams = new Map<string, OutputChunk[]>();
    for (const chunk of this.#chunks) {
      if (bytes >= batchBytes) break;
      bytes += chunk.bytes.length;
      count += 1;
      const key = `${chunk.runId}/${chunk.instanceId}/${chunk.stream}`;
      const stream = streams.get(key);
      if (stream) stream.push(chunk);
      else streams.set(key, [chunk]);
    }
    this.#chunks.splice(0, count);
    this.#bytes -= bytes;
    this.#taken += count;
    return [...streams.values()].flatMap(merge);
  }

  async #writeClaims(): Promise<void> {
    while (this.#claims.length > 0) {
      const batch = this.#claims.splice(0, 1000);
      const claims = batch.map((each) => each.claim);
      try {
        const claimed = await claimTargets(this.#db, claims, this.#owner);
        // Asked for twice in one batch, it is the first one's.
        for (const { claim, resolve } of batch) resolve(claimed.delete(`${claim.runId}/${claim.instanceId}`));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#claiming = false;
  }

  async #persist<T>(write: (tx: Database) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#db.transaction().execute(write);
      } catch (error) {
        if (attempt >= attempts && (this.#closing || !isPassing(error))) throw error;
        this.#log.warn({ err: error, attempt }, 'could not store what runs did; trying again');
        await sleep(Math.min(longestDelay, firstDelay * 2 ** Math.min(attempt, 10)));
      }
    }
  }
}

/** Contiguous pieces of one stream as chunks of at most 64 KiB. */
function merge(pieces: readonly OutputChunk[]): OutputChunk[] {
  const [first] = pieces;
  if (!first) return [];
  const whole = Buffer.concat(pieces.map((each) => each.bytes));
  const chunks: OutputChunk[] = [];
  for (let at = 0; at < whole.length; at += chunkBytes)
    chunks.push({ ...first, offset: first.offset + at, bytes: whole.subarray(at, at + chunkBytes) });
  return chunks;
}
