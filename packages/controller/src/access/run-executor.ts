import {
  AccessError,
  type Command,
  describeRoute,
  type RemoteProcess,
  type Route,
} from '@wadi/indirect-access';
import type { Logger } from 'pino';
import type { ClusterRow } from '../storage/clusters.ts';
import type { RunRow, Stream, TargetResult } from '../storage/runs.ts';
import type { Secrets } from '../storage/secrets.ts';
import { accessProblem } from './access-problem.ts';
import type { ClusterAccess } from './cluster-access.ts';
import type { InstanceFacts } from './cluster-facts.ts';
import type { ClusterReach } from './cluster-reach.ts';
import { Limiter } from './limiter.ts';
import { type RunInput, readRunInput } from './run-input.ts';
import type { RunJournal } from './run-journal.ts';
import { outcomeOf } from './run-outcome.ts';

export interface RunExecutorParts {
  readonly access: ClusterAccess;
  readonly secrets: Secrets;
  readonly journal: RunJournal;
  readonly log: Logger;
}

/** Machines that are being connected to, and commands that run, at once on this controller. */
const mostStarting = 64;
const mostRunning = 2000;

interface Execution {
  readonly run: RunRow;
  readonly reach: ClusterReach;
  readonly input: RunInput;
  readonly signal: AbortSignal;
}

interface Written {
  stdoutBytes: number;
  stderrBytes: number;
  truncated: boolean;
}

/** What is known of a target so far. */
interface Progress extends Written {
  route: Route | undefined;
  claimed: boolean;
}

type Outcome = Pick<TargetResult, 'status' | 'exitStatus' | 'signal' | 'error'>;

interface UnderWay {
  readonly clusterId: string;
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

/** Executes runs that this controller has inserted, each target zero or one times. */
export class RunExecutor {
  readonly #parts: RunExecutorParts;
  readonly #starting = new Limiter(mostStarting);
  readonly #running = new Limiter(mostRunning);
  readonly #underWay = new Map<string, UnderWay>();
  #closed = false;

  constructor(parts: RunExecutorParts) {
    this.#parts = parts;
  }

  /** Returns at once. Call it for a run that was inserted by this call's transaction, once. */
  start(run: RunRow, cluster: ClusterRow, targets: readonly InstanceFacts[]): void {
    const abort = new AbortController();
    if (this.#closed) abort.abort();
    const done = this.#execute(run, cluster, targets, abort.signal)
      .catch((error) => this.#parts.log.error({ err: error, run: run.id }, 'run could not be carried out'))
      .finally(() => this.#underWay.delete(run.id));
    this.#underWay.set(run.id, { clusterId: cluster.id, abort, done });
  }

  /** Ends the command's process group wherever it runs. False: this controller does not execute it. */
  cancel(runId: string): boolean {
    const execution = this.#underWay.get(runId);
    execution?.abort.abort();
    return execution !== undefined;
  }

  /** Cancels what runs on a cluster that goes, and waits until it is noted. */
  async cancelCluster(clusterId: string): Promise<void> {
    const its = [...this.#underWay.values()].filter((each) => each.clusterId === clusterId);
    for (const { abort } of its) abort.abort();
    await Promise.all(its.map(({ done }) => done));
  }

  /** Cancels everything and waits until it is noted. */
  async close(): Promise<void> {
    this.#closed = true;
    const all = [...this.#underWay.values()];
    for (const { abort } of all) abort.abort();
    await Promise.all(all.map(({ done }) => done));
  }

  async #execute(
    run: RunRow,
    cluster: ClusterRow,
    targets: readonly InstanceFacts[],
    signal: AbortSignal,
  ): Promise<void> {
    const { access, secrets, journal, log } = this.#parts;
    let execution: Execution;
    try {
      const reach = await access.reach(cluster);
      execution = { run, reach, input: await readRunInput(secrets, run.input_secret_id), signal };
    } catch (error) {
      log.error({ err: error, run: run.id }, 'run could not be prepared');
      const nothing = { status: 'unreachable', error: accessProblem(error), ...nothingWritten() } as const;
      await Promise.all(
        targets.map(({ id }) => journal.finish({ ...nothing, runId: run.id, instanceId: id })),
      );
      return journal.end(run.id, 'finished');
    }
    const ends = await Promise.allSettled(
      targets.map((instance) => this.#running.run(() => this.#runOn(execution, instance))),
    );
    // What could not be noted stays `running`, and is `unknown` after the next start: nothing better is known.
    for (const end of ends)
      if (end.status === 'rejected') log.error({ err: end.reason, run: run.id }, 'a result was not stored');
    await journal.end(run.id, signal.aborted ? 'cancelled' : 'finished');
  }

  async #runOn(execution: Execution, instance: InstanceFacts): Promise<void> {
    const { run, signal } = execution;
    const progress: Progress = { route: undefined, claimed: false, ...nothingWritten() };
    let outcome: Outcome | undefined;
    try {
      outcome = await this.#carryOut(execution, instance, progress);
    } catch (error) {
      const problem = accessProblem(error);
      const target = { run: run.id, instance: instance.name };
      if (problem.code === 'INTERNAL')
        this.#parts.log.error({ err: error, ...target }, 'a command failed inside Wadi');
      const { claimed } = progress;
      const status = signal.aborted && !claimed ? 'cancelled' : outcomeOf(error, claimed);
      outcome = { status, error: problem };
    }
    if (!outcome) return;
    const { route, claimed: _, ...written } = progress;
    await this.#parts.journal.finish({
      ...outcome,
      ...written,
      runId: run.id,
      instanceId: instance.id,
      route: route ? describeRoute(route) : null,
    });
  }

  /** undefined: somebody else has settled this target. */
  async #carryOut(
    execution: Execution,
    instance: InstanceFacts,
    progress: Progress,
  ): Promise<Outcome | undefined> {
    const { run, input } = execution;
    const process = await this.#starting.run(() => this.#begin(execution, instance, progress));
    if (!process) return undefined;
    const ended = process.exit.then(
      (exit) => ({ exit }),
      (error: unknown) => ({ error }),
    );
    process.stdin.on('error', () => {}); // the command may end without reading it
    process.stdin.end(input.stdin ?? undefined);
    const keep = (stream: Stream) => this.#keepOutput(run, instance, stream, process, progress);
    await Promise.all([keep('stdout'), keep('stderr')]);
    const end = await ended;
    if ('error' in end) throw end.error;
    const { status: exitStatus, signal } = end.exit;
    return { status: exitStatus === 0 ? 'succeeded' : 'failed', exitStatus, signal };
  }

  /** Connects first and claims then: what could not be reached stays free of doubt. undefined: not ours to start. */
  async #begin(
    { run, reach, input, signal }: Execution,
    instance: InstanceFacts,
    progress: Progress,
  ): Promise<RemoteProcess | undefined> {
    if (signal.aborted) throw cancelled(instance);
    const options = {
      env: input.env,
      asRoot: run.as_root,
      signal,
      ...(run.timeout_seconds === null ? {} : { timeout: run.timeout_seconds * 1000 }),
    };
    return reach.through(
      instance,
      async (route) => {
        progress.route = route;
        await reach.indirect.connect(route, { signal });
        if (!progress.claimed) {
          const claim = { runId: run.id, instanceId: instance.id, route: describeRoute(route) };
          if (!(await this.#parts.journal.claim(claim))) return undefined;
          progress.claimed = true;
        }
        return await reach.indirect.spawn(route, run.command as Command, options);
      },
      signal,
    );
  }

  /** Reads to the end whatever comes, keeps what the run may keep. */
  async #keepOutput(
    run: RunRow,
    instance: InstanceFacts,
    stream: Stream,
    process: RemoteProcess,
    progress: Progress,
  ): Promise<void> {
    const most = Number(run.max_output_bytes);
    const count = stream === 'stdout' ? 'stdoutBytes' : 'stderrBytes';
    try {
      for await (const bytes of process[stream] as AsyncIterable<Buffer>) {
        const offset = progress[count];
        progress[count] += bytes.length;
        const kept = bytes.subarray(0, Math.max(0, most - offset));
        if (kept.length < bytes.length) progress.truncated = true;
        if (kept.length === 0) continue;
        const chunk = { runId: run.id, instanceId: instance.id, stream, offset, bytes: kept };
        await this.#parts.journal.append(chunk);
      }
    } catch {
      // A stream that breaks does so because the connection went; `exit` says that.
    }
  }
}

function cancelled(instance: InstanceFacts): AccessError {
  const message = `machine ${instance.name}: cancelled before the command was started`;
  return new AccessError(message, { code: 'CANCELLED', hop: instance.name });
}

function nothingWritten(): Written {
  return { stdoutBytes: 0, stderrBytes: 0, truncated: false };
}
