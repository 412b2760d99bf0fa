import { DBOS, Error as DbosErrors } from '@dbos-inc/dbos-sdk';
import type pg from 'pg';
import type { Logger } from 'pino';
import { type Connection, openPool } from '../../storage/database.ts';
import {
  type Engine,
  engineCloses,
  type Workflow,
  type WorkflowContext,
  type WorkflowInput,
} from './engine.ts';
import { Lease, untilLetGo } from './lease.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { failed, type StepOutcome, settle, succeeded } from './step-outcome.ts';
import { watchForDeadControllers } from './takeover.ts';

export interface DbosEngineOptions {
  readonly connection: Connection;
  /** New for every process: what a dead one left is found by its id. */
  readonly controllerId: string;
  readonly log: Logger;
  /** The database no longer counts us among the living: stop at once, another controller may have taken over. */
  readonly onLeaseLost: (reason: string) => void;
}

/**
 * Workflows are resumed only by code of the same version. Change it when a released workflow's steps change in order,
 * name or meaning, and say in the changelog that those under way must end before the upgrade.
 */
const applicationVersion = 'workflows-1';
/** DBOS gives up on a workflow after so many controllers died on it; ours are worth another try for long. */
const maxRecoveryAttempts = 1000;
const poolSize = 10;

type Registered = (input: WorkflowInput) => Promise<void>;
type Steps = { readonly abort: AbortController; readonly running: Set<Promise<unknown>> };

/** The engine on DBOS Transact. DBOS is one per process, so is this. */
export function createDbosEngine(options: DbosEngineOptions): Engine {
  const { connection, controllerId, log } = options;
  const workflows = new Map<string, Registered>();
  const underWay = new Map<string, Steps>();
  const closing = new AbortController();
  let stopping = false;
  let lease: Lease;
  let pool: pg.Pool;
  let stop = async () => {};

  function stepsOf(workflowId: string): Steps {
    const steps = underWay.get(workflowId) ?? { abort: new AbortController(), running: new Set() };
    underWay.set(workflowId, steps);
    return steps;
  }

  async function step<T>(
    workflowId: string,
    name: string,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    // A controller that closes begins nothing; the workflow goes on where it is resumed.
    if (stopping) return never();
    const steps = stepsOf(workflowId);
    const running = DBOS.runStep(
      async (): Promise<StepOutcome> => {
        const cancelled = DBOS.stepStatus?.cancelSignal ?? steps.abort.signal;
        const signal = AbortSignal.any([closing.signal, steps.abort.signal, cancelled]);
        try {
          return succeeded(await work(signal));
        } catch (error) {
          // Interrupted is not failed: left unrecorded, so that it runs again.
          if (closing.signal.aborted) return never();
          return failed(error);
        }
      },
      { name, retriesAllowed: false },
    );
    steps.running.add(running);
    const done = () => steps.running.delete(running);
    running.then(done, done);
    return settle<T>(name, await running);
  }

  async function execute(name: string, workflow: Workflow, input: WorkflowInput): Promise<void> {
    const workflowId = DBOS.workflowID as string;
    const context: WorkflowContext = { workflowId, step: (label, work) => step(workflowId, label, work) };
    // Who deletes a cluster waits for whoever is at it, on whichever controller.
    await lease.hold(workflowId);
    try {
      await workflow(context, input);
    } catch (error) {
      if (error instanceof DbosErrors.DBOSWorkflowCancelledError)
        log.info({ workflow: name, id: workflowId }, 'workflow cancelled');
      else log.error({ workflow: name, id: workflowId, err: error }, 'workflow failed');
      throw error;
    } finally {
      underWay.delete(workflowId);
      await lease.letGo(workflowId);
    }
  }

  return {
    register(name, workflow) {
      const run: Registered = (input) => execute(name, workflow, input);
      workflows.set(name, DBOS.registerWorkflow(run, { name, maxRecoveryAttempts }));
    },

    async launch() {
      lease = await Lease.acquire(connection, controllerId, options.onLeaseLost);
      // Its own pool: steps that hold all of ours while they wait for the engine would wait for ever.
      pool = openPool(connection, poolSize, (error) => log.warn({ err: error }, 'engine: connection lost'));
      DBOS.setConfig({
        name: 'wadi',
        // Only shown; the pool is what connects.
        systemDatabaseUrl: 'postgresql://wadi@pool/wadi',
        systemDatabasePool: pool,
        systemDatabaseSchemaName: 'dbos',
        executorID: controllerId,
        applicationVersion,
        logger: quiet(log),
      });
      // It makes and upgrades its tables, and does not expect that others do so at the same time.
      await oneAtATime(pool, 'wadi engine launch', () => DBOS.launch());
      const watch = watchForDeadControllers({ pool, lease, controllerId, applicationVersion, log });
      stop = async () => {
        await watch.stop();
        await DBOS.shutdown({ deregister: true });
        await pool.end();
        // Last: until here nobody else may run what we ran.
        await lease.release();
      };
    },

    async start(name, id, input) {
      const workflow = workflows.get(name);
      if (!workflow) throw new Error(`workflow ${name} is not registered`);
      const { workflowID } = await DBOS.startWorkflow(workflow, { workflowID: id })(input);
      // Ours end well whatever happens in them: that one failed means that its steps could not be recorded.
      if ((await DBOS.getWorkflowStatus(workflowID))?.status === 'ERROR') await beginAnew(workflowID, log);
    },

    async cancel(id) {
      await DBOS.cancelWorkflow(id);
      underWay.get(id)?.abort.abort();
    },

    async settled(id) {
      await Promise.allSettled(underWay.get(id)?.running ?? []);
      await untilLetGo(pool, id, closing.signal);
    },

    async close(graceMs = 3000) {
      stopping = true;
      const running = [...underWay.values()].flatMap((steps) => [...steps.running]);
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([
        Promise.allSettled(running),
        new Promise((resolve) => {
          timer = setTimeout(resolve, graceMs);
        }),
      ]);
      clearTimeout(timer);
      closing.abort(engineCloses);
      await stop();
    },
  };
}

async function beginAnew(id: string, log: Logger): Promise<void> {
  try {
    await DBOS.rewindWorkflow(id);
    log.warn({ id }, 'a workflow that failed is begun anew');
  } catch (error) {
    const status = (await DBOS.getWorkflowStatus(id))?.status;
    // Another controller was faster.
    if (status === 'ERROR') throw error;
  }
}

function never(): Promise<never> {
  return new Promise(() => {});
}

/** DBOS tells of every launch and recovery; that is for those who look for it. */
function quiet(log: Logger) {
  const child = log.child({ component: 'dbos' });
  return {
    debug: (entry: unknown) => child.trace(String(entry)),
    info: (entry: unknown) => child.debug(String(entry)),
    warn: (entry: unknown) => child.warn(String(entry)),
    error: (entry: unknown, metadata?: { stack?: string }) =>
      child.error({ stack: metadata?.stack }, entry instanceof Error ? entry.message : String(entry)),
  };
}
