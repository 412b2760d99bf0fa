import { setMaxListeners } from 'node:events';
import type { IndirectAccess, Route } from '@wadi/indirect-access';
import type { Logger } from 'pino';
import type { ClusterRow } from '../storage/clusters.ts';
import type { RunRow } from '../storage/runs.ts';
import type { Secrets } from '../storage/secrets.ts';
import { accessProblem } from './access-problem.ts';
import type { ClusterAccess } from './cluster-access.ts';
import type { InstanceFacts } from './cluster-facts.ts';
import type { ClusterReach } from './cluster-reach.ts';
import { FairLimiter } from './fair-limiter.ts';
import { type RunInput, readRunInput } from './run-input.ts';
import type { RunJournal } from './run-journal.ts';
import { outcomeOf } from './run-outcome.ts';
import { sharedReading } from './shared-reading.ts';
import { type TargetBegin, TargetRun } from './target-run.ts';

export interface RunExecutorParts {
  readonly access: ClusterAccess;
  readonly secrets: Secrets;
  readonly journal: RunJournal;
  readonly log: Logger;
  /** Seconds without a way to a machine after which a run on it is given up. */
  readonly lostContactSeconds: number;
}

/** Machines that are being connected to, and commands that run, at once on this controller; and those of one project. */
const starting = { most: 64, mostOfOne: 48 };
const running = { most: 2000, mostOfOne: 1500 };
/** Days after which a machine need not keep what nobody asked for, and milliseconds between looks for it there. */
const keepDays = 7;
const sweepInterval = 24 * 3600 * 1000;
/** Milliseconds that what is known of a cluster serves the machines of a run that look for a way again. */
const knownFor = 1000;

export interface RunTarget {
  readonly instance: InstanceFacts;
  readonly begin: TargetBegin;
}

const notBegun: TargetBegin = { claimed: false, offsets: { stdout: 0, stderr: 0 } };

interface Execution {
  readonly run: RunRow;
  readonly indirect: IndirectAccess;
  readonly reach: () => Promise<ClusterReach>;
  readonly input: RunInput;
  readonly cancel: AbortSignal;
}

interface UnderWay {
  readonly clusterId: string;
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

/** Executes the runs that this controller owns, each target zero or one times. */
export class RunExecutor {
  readonly #parts: RunExecutorParts;
  readonly #starting = new FairLimiter(starting.most, starting.mostOfOne);
  readonly #running = new FairLimiter(running.most, running.mostOfOne);
  readonly #underWay = new Map<string, UnderWay>();
  readonly #letGo = new AbortController();
  /** When a machine was last swept, by id and user. */
  readonly #swept = new Map<string, number>();

  constructor(parts: RunExecutorParts) {
    this.#parts = parts;
    setMaxListeners(0, this.#letGo.signal);
  }

  /** Returns at once. Call it for a run that was inserted by this call's transaction, once. */
  start(run: RunRow, cluster: ClusterRow, targets: readonly InstanceFacts[]): void {
    this.adopt(
      run,
      cluster,
      targets.map((instance) => ({ instance, begin: notBegun })),
    );
  }

  /** Returns at once. Goes on with what another controller had begun, once the run is ours. */
  adopt(run: RunRow, cluster: ClusterRow, targets: readonly RunTarget[]): void {
    const abort = new AbortController();
    setMaxListeners(0, abort.signal);
    if (run.cancelled_at) abort.abort();
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

  /** Lets go of everything: the commands go on, and so does the next controller with them. */
  async close(): Promise<void> {
    this.#letGo.abort();
    await Promise.all([...this.#underWay.values()].map(({ done }) => done));
    await this.#parts.journal.close();
  }

  async #execute(
    run: RunRow,
    cluster: ClusterRow,
    targets: readonly RunTarget[],
    cancel: AbortSignal,
  ): Promise<void> {
    const { access, secrets, journal, log } = this.#parts;
    let execution: Execution;
    try {
      const reach = sharedReading(
        knownFor,
        () => access.reach(cluster),
        (known) => access.isCurrent(known),
      );
      const { indirect } = await reach();
      const input = await readRunInput(secrets, run.input_secret_id);
      execution = { run, indirect, reach, input, cancel };
    } catch (error) {
      log.error({ err: error, run: run.id }, 'run could not be prepared');
      await Promise.all(targets.map((target) => this.#giveUp(run, target, error)));
      return journal.end(run.id, 'finished');
    }
    const ends = await Promise.allSettled(
      targets.map((target) => this.#running.run(run.project_id, () => this.#runOn(execution, target))),
    );
    // What could not be noted stays `running`, for the next start to find.
    for (const end of ends)
      if (end.status === 'rejected') log.error({ err: end.reason, run: run.id }, 'a result was not stored');
    if (!this.#letGo.signal.aborted) await journal.end(run.id, cancel.aborted ? 'cancelled' : 'finished');
  }

  async #runOn(execution: Execution, { instance, begin }: RunTarget): Promise<void> {
    const { access, journal, log } = this.#parts;
    const { run, input, cancel, reach } = execution;
    const letGo = this.#letGo.signal;
    if (letGo.aborted) return;
    const target = new TargetRun(
      {
        ...{ run, input, instance, journal, cancel, letGo },
        lostContact: this.#parts.lostContactSeconds * 1000,
        // As it is when a way is sought: machines come and go while a command runs.
        reach,
        connecting: (work) => this.#starting.run(run.project_id, work),
        leaving: (route, leave) => access.work.add(run.cluster_id, route, leave),
      },
      begin,
    );
    try {
      const result = await target.result();
      if (!result) return;
      if (!(await journal.finish(result))) return target.leave();
      const route = target.release();
      if (route) this.#sweep(execution.indirect, route, run.as_root);
    } catch (error) {
      if (letGo.aborted) return;
      if (accessProblem(error).code === 'INTERNAL')
        log.error({ err: error, run: run.id, instance: instance.name }, 'a command failed inside Wadi');
      target.leave();
      const begin = { claimed: target.claimed, offsets: target.read };
      await this.#giveUp(run, { instance, begin }, error, cancel);
    } finally {
      target.dispose();
    }
  }

  /** Beside the work: what dead controllers and lost machines left there is in nobody's way. */
  #sweep(indirect: IndirectAccess, route: Route, asRoot: boolean): void {
    const key = `${route.machine.id} ${asRoot}`;
    const now = Date.now();
    if (now - (this.#swept.get(key) ?? 0) < sweepInterval) return;
    if (this.#swept.size >= 20_000) this.#swept.clear();
    this.#swept.set(key, now);
    const options = { olderThan: keepDays, asRoot, signal: this.#letGo.signal };
    indirect
      .sweepRuns(route, options)
      .catch((error) => this.#parts.log.debug({ err: error, machine: route.machine.name }, 'not swept'));
  }

  async #giveUp(
    run: RunRow,
    { instance, begin }: RunTarget,
    error: unknown,
    cancel?: AbortSignal,
  ): Promise<void> {
    const { claimed, offsets } = begin;
    await this.#parts.journal.finish({
      status: cancel?.aborted && !claimed ? 'cancelled' : outcomeOf(error, claimed),
      error: accessProblem(error),
      runId: run.id,
      instanceId: instance.id,
      stdoutBytes: offsets.stdout,
      stderrBytes: offsets.stderr,
      truncated: false,
    });
  }
}
