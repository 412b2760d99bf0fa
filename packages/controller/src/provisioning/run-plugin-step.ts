import { setTimeout as sleep } from 'node:timers/promises';
import { AccessError, type ExecResult } from '@wadi/indirect-access';
import { accessProblem, describeProblem } from '../access/access-problem.ts';
import type { PluginScript, PluginStep } from '../clusters/plugin.ts';
import { stepProgram, stepRunner } from '../plugins/step-program.ts';
import { factVariables, lastWords } from '../plugins/step-variables.ts';
import { type ClusterWork, theCluster } from './cluster-work.ts';
import { onEachMachine } from './on-each-machine.ts';
import { type PluginAtWork, PluginChangedError, pluginAtWork } from './plugin-at-work.ts';
import { ClusterGoneError } from './provisioning-error.ts';
import { runOnce } from './run-once.ts';

/** How often a look is begun when its connection is lost: it may run twice. */
const attempts = 3;

export interface PluginStepOptions {
  /** e.g. `Plugin: configure cluster`. */
  readonly type: string;
  /** Only on these machines (ids). */
  readonly only?: ReadonlySet<string>;
  /** Machines that are about to go (ids): the scripts are told of them apart from those that stay. */
  readonly leaving?: ReadonlySet<string>;
  /** Machines that cannot be reached are passed over: they could not be got rid of otherwise. */
  readonly skipUnreachable?: boolean;
  /** It was done in this workflow before, and is told apart from that. */
  readonly again?: boolean;
}

const verbs: Record<PluginStep, string> = {
  install: 'Install',
  configure: 'Configure',
  start: 'Start',
  decommission: 'Decommission',
  stop: 'Stop',
};

/**
 * Runs the plugin's script for this step on every machine: process by process in the order of the plugin's file, the
 * machines of each at once. A machine that fails does not keep the others from coming to their end.
 */
export async function runPluginStep(
  work: ClusterWork,
  step: PluginStep,
  options: PluginStepOptions,
  signal: AbortSignal,
): Promise<void> {
  const cluster = await theCluster(work);
  const at = await pluginAtWork(work, cluster).catch(async (error) => {
    if (error instanceof PluginChangedError)
      await work.events.append({
        projectId: cluster.project_id,
        clusterId: cluster.id,
        type: 'plugin.changed',
        body: { cluster: cluster.name, plugin: cluster.plugin_name, message: error.message },
      });
    throw error;
  });
  if (!at) return;
  for (const [process, { steps }] of at.release.lifecycle) {
    const script = steps[step];
    const chosen = at.reach.facts.instances.filter(
      ({ id }) => at.machines.get(id)?.processes.includes(process) && (options.only?.has(id) ?? true),
    );
    if (!script || chosen.length === 0) continue;
    const name = `${verbs[step]} ${process}${options.again ? ' again' : ''}`;
    const machines = chosen.map((instance) => ({ instance }));
    await onEachMachine(work, { name, type: options.type }, machines, ({ instance }) =>
      runOn(work, at, instance.id, process, step, script, options, signal),
    );
  }
}

/** null: it ended well. */
async function runOn(
  work: ClusterWork,
  at: PluginAtWork,
  id: string,
  process: string,
  step: PluginStep,
  script: PluginScript,
  { leaving, skipUnreachable, type, again }: PluginStepOptions,
  signal: AbortSignal,
): Promise<string | null> {
  const what = `machine ${at.machines.get(id)?.name}: process ${process}: ${step} (${script.file})`;
  try {
    const once = [work.workflowId, type, step, process, id, ...(again ? ['again'] : [])].join(' ');
    const { result, words } = await runScript(at, { id, process, step, script, leaving, signal, once });
    if (result.status === 0) return null;
    const ended = result.status === null ? `by signal ${result.signal}` : `with status ${result.status}`;
    const said = words.stderr || words.stdout;
    return `${what} ended ${ended}${said ? `: ${said}` : ''}`;
  } catch (error) {
    if (signal.aborted) throw new ClusterGoneError(at.reach.facts.clusterId);
    const problem = accessProblem(error);
    if (problem.code === 'INTERNAL') throw error;
    if (problem.code === 'TIMEOUT' && problem.phase === 'command')
      return `${what} did not end within ${script.timeout} seconds`;
    if (skipUnreachable && problem.code !== 'SUDO_REFUSED') {
      const { project_id: projectId } = await theCluster(work);
      const { clusterId } = work;
      const instance = at.machines.get(id)?.name;
      const body = { instance_id: id, instance, process, step, ...problem };
      work.events.emit({ projectId, clusterId, type: 'plugin.passed-over', body });
      work.log.warn({ err: error, cluster: clusterId }, `${what}: passed over`);
      return null;
    }
    return `${what}: ${describeProblem(problem)}${problem.hint ? ` (${problem.hint})` : ''}`;
  }
}

export interface ScriptRun {
  readonly id: string;
  readonly process: string;
  readonly step: string;
  readonly script: PluginScript;
  readonly leaving?: ReadonlySet<string> | undefined;
  readonly signal: AbortSignal;
  /** Makes it one that is run once, however often it is asked for by this name. Absent: a look, which changes nothing. */
  readonly once?: string;
}

/** Sends a script with its facts and settings to a machine, and waits for its end. `words`: what may be told of what it said. */
export async function runScript(
  at: PluginAtWork,
  { id, process, step, script, leaving, signal, once }: ScriptRun,
): Promise<{
  readonly result: ExecResult;
  readonly words: { readonly stdout: string; readonly stderr: string };
}> {
  const { reach, machines } = at;
  const machine = machines.get(id);
  const instance = reach.find(id);
  if (!machine || !instance) throw new ClusterGoneError(reach.facts.clusterId);
  const all = [...machines];
  const facts = factVariables({
    clusterId: reach.facts.clusterId,
    clusterName: reach.facts.clusterName,
    version: [...at.plugin.versions].find(([, release]) => release === at.release)?.[0] ?? '',
    process,
    step,
    machine,
    machines: all.filter(([each]) => !leaving?.has(each)).map(([, each]) => each),
    leaving: all.filter(([each]) => leaving?.has(each)).map(([, each]) => each),
  });
  const { variables, secrets } = at.settings(machine.group);
  const options = {
    stdin: stepProgram({ ...variables, ...facts }, script.text),
    // Who logs in as root needs nobody to become it.
    asRoot: script.root && instance.loginUser !== 'root',
    timeout: script.timeout * 1000,
    signal,
    maxOutputBytes: 64 * 1024,
  };
  const result = await (once === undefined
    ? persistently(signal, () =>
        reach.through(instance, (route) => reach.indirect.exec(route, stepRunner, options), signal),
      )
    : runOnce(reach, instance, {
        what: once,
        asRoot: options.asRoot,
        signal,
        spec: {
          command: stepRunner,
          stdin: Buffer.from(options.stdin),
          timeout: script.timeout,
          maxOutputBytes: options.maxOutputBytes,
        },
      }));
  const words = {
    stdout: lastWords(result.stdout.toString(), secrets, { cut: result.stdoutTruncated }),
    stderr: lastWords(result.stderr.toString(), secrets, { cut: result.stderrTruncated }),
  };
  return { result, words };
}

async function persistently<T>(signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
  for (let count = 1; ; count += 1) {
    try {
      return await attempt();
    } catch (error) {
      const lost = error instanceof AccessError && (error.retryable || error.code === 'CONNECTION_LOST');
      if (!lost || signal.aborted || count === attempts) throw error;
      await sleep(2000 * count, undefined, { signal }).catch(() => {});
    }
  }
}
