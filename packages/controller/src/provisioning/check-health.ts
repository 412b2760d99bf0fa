import { request } from 'undici';
import { accessProblem, describeProblem } from '../access/access-problem.ts';
import type { ClusterAccess } from '../access/cluster-access.ts';
import type { HealthCheck, HttpCheck } from '../clusters/plugin.ts';
import type { PluginAtWork } from './plugin-at-work.ts';
import { runScript } from './run-plugin-step.ts';
import { portNumber } from './web-interfaces.ts';

/** How one check of one process on one machine came out. */
export interface Health {
  readonly instance: string;
  readonly process: string;
  /** Of the check. */
  readonly name: string;
  readonly healthy: boolean;
  readonly text: string;
}

export interface CheckedProcess {
  /** Of the instance. */
  readonly id: string;
  readonly process: string;
  readonly checks: readonly HealthCheck[];
}

/** Every process that can be checked, on every machine. */
export function processesOf(at: PluginAtWork): CheckedProcess[] {
  return [...at.release.lifecycle].flatMap(([process, { health }]) =>
    [...at.machines]
      .filter(([, machine]) => health.length > 0 && machine.processes.includes(process))
      .map(([id]) => ({ id, process, checks: health })),
  );
}

/** Never throws for what is wrong with the machine: that is the answer. */
export async function checkProcess(
  access: ClusterAccess,
  at: PluginAtWork,
  { id, process, checks }: CheckedProcess,
  signal: AbortSignal,
): Promise<Health[]> {
  const instance = instanceName(at, { id });
  return Promise.all(
    checks.map(async ({ name, check }) => {
      const said = await ('port' in check
        ? askPage(access, at, id, check, signal)
        : askScript(at, { id, process, step: 'health', script: check, signal })
      ).catch((error) => ({ healthy: false, text: describe(error) }));
      return { instance, process, name, ...said };
    }),
  );
}

/** Of a machine that is known to be away. */
export function notAvailable(at: PluginAtWork, one: CheckedProcess): Health[] {
  const said = { healthy: false, text: 'the machine is not available' };
  const instance = instanceName(at, one);
  return one.checks.map(({ name }) => ({ instance, process: one.process, name, ...said }));
}

export function instanceName(at: PluginAtWork, { id }: Pick<CheckedProcess, 'id'>): string {
  return at.machines.get(id)?.name ?? id;
}

async function askScript(at: PluginAtWork, run: Parameters<typeof runScript>[1]) {
  const { result, words } = await runScript(at, run);
  const healthy = result.status === 0;
  const text = healthy ? words.stdout : words.stderr || words.stdout;
  return { healthy, text: text || `it ended with ${result.status ?? result.signal}` };
}

async function askPage(
  access: ClusterAccess,
  at: PluginAtWork,
  id: string,
  check: HttpCheck,
  signal: AbortSignal,
) {
  const { reach } = at;
  const instance = reach.find(id);
  if (!instance) return { healthy: false, text: 'the machine is gone' };
  const port = portNumber(at, instance.nodeGroupName, check.port);
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(check.timeout * 1000)]);
  const status = await reach.throughToPort(
    instance,
    port,
    async (route) => {
      const answer = await request(`http://${instance.name}:${port}${check.path}`, {
        dispatcher: access.http.of(route),
        signal: deadline,
      });
      await answer.body.dump();
      return answer.statusCode;
    },
    signal,
  );
  return { healthy: status === check.status, text: `port ${port} answers with ${status}` };
}

function describe(error: unknown): string {
  const problem = accessProblem(error);
  return problem.code === 'INTERNAL' ? String((error as Error).message) : describeProblem(problem);
}
