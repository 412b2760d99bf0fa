import { AccessError, type Route } from '@wadi/indirect-access';
import { accessProblem, describeProblem } from '../access/access-problem.ts';
import type { InstanceFacts } from '../access/cluster-facts.ts';
import type { ClusterReach } from '../access/cluster-reach.ts';
import { Limiter } from '../access/limiter.ts';
import type { MachineHealth } from '../clusters/verification.ts';

/** Machines that are asked at once. */
const atOnce = 64;
/** Milliseconds that an answer may take on a session that is open. */
const answerDeadline = 10_000;

/** How every machine is found over its route: proxies first, since the others are behind them. Changes nothing. */
export async function lookAtMachines(reach: ClusterReach, signal: AbortSignal): Promise<MachineHealth[]> {
  // Who took one out of use knows that it does not answer, and looking at it would use it.
  const everyone = reach.facts.instances.filter(({ duty }) => duty === undefined || duty === 'promoted');
  const limiter = new Limiter(atOnce);
  const look = (isProxy: boolean) =>
    Promise.all(
      everyone
        .filter((each) => each.isProxy === isProxy)
        .map((each) => limiter.run(() => lookAt(reach, each, signal))),
    );
  return [...(await look(true)), ...(await look(false))];
}

async function lookAt(
  reach: ClusterReach,
  instance: InstanceFacts,
  signal: AbortSignal,
): Promise<MachineHealth> {
  const { name, isProxy } = instance;
  const who = { name, isProxy, address: instance.internalIp ?? instance.managementIp ?? name };
  try {
    signal.throwIfAborted();
    const found = await reach.through(
      instance,
      async (route) => {
        await reach.indirect.connect(route, { signal });
        return { route, milliseconds: await timeAnswer(reach, route, instance, signal) };
      },
      signal,
    );
    const last = found.route.hops.at(-1);
    const through = last?.kind === 'ssh' ? last.machine.name : null;
    return { ...who, through, milliseconds: found.milliseconds, problem: null };
  } catch (error) {
    const problem = signal.aborted ? 'no answer in time' : describeProblem(accessProblem(error));
    return { ...who, through: null, milliseconds: null, problem };
  }
}

/** An open session may have nobody at its other end any more: only an answer counts. */
async function timeAnswer(
  { indirect }: ClusterReach,
  route: Route,
  { isProxy }: InstanceFacts,
  signal: AbortSignal,
): Promise<number | null> {
  const began = performance.now();
  try {
    await indirect.exec(route, ['true'], { timeout: answerDeadline, signal, maxOutputBytes: 1024 });
    return performance.now() - began;
  } catch (error) {
    // A proxy that lets nobody run commands is a good proxy.
    if (isProxy && error instanceof AccessError && error.code === 'CHANNEL_REFUSED') return null;
    throw error;
  }
}
