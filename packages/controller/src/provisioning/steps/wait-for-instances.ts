import { setTimeout as sleep } from 'node:timers/promises';
import type { RunTargetError } from '@wadi/api';
import { accessProblem, describeProblem } from '../../access/access-problem.ts';
import type { InstanceFacts } from '../../access/cluster-facts.ts';
import type { ClusterReach } from '../../access/cluster-reach.ts';
import { Limiter } from '../../access/limiter.ts';
import type { ClusterRow } from '../../storage/clusters.ts';
import { addStepEvents } from '../../storage/provision-progress.ts';
import { advance, type ClusterWork, cloudOf, theCluster } from '../cluster-work.ts';
import { inProvisionStep } from '../provision-step.ts';
import { ClusterGoneError, ProvisioningError } from '../provisioning-error.ts';
import { replaceInjectedKeys } from '../rotation/replace-injected-keys.ts';

/** Machines that are tried at once. */
const atOnce = 64;
/** Milliseconds between tries, growing. */
const firstPause = 500;
const longestPause = 5_000;
/** Milliseconds that what is known of the machines is good for; hundreds wait, and each would read of all of them. */
const freshness = 1_000;

/**
 * Seconds that a machine may take until it answers, and from then until it lets us in. One that was just made boots
 * and gets its keys; one that is imported is there or is not.
 */
const patience = {
  made: { reach: 600, login: 120 },
  imported: { reach: 20, login: 0 },
  /** Somebody has to start it there, with a line that is good for a quarter of an hour. */
  agent: { reach: 1200, login: 0 },
} as const;

/** Waits until every machine of the cluster answers. */
export async function waitForInstances(work: ClusterWork, signal: AbortSignal): Promise<void> {
  await advance(work, 'Waiting');
  await waitUntilAccessible(work, () => true, signal);
  await replaceInjectedKeys(work, signal);
}

/**
 * Waits until these machines answer over their routes: proxies first, the others through them. Only looks. `type`: of
 * what work it is a step.
 */
export async function waitUntilAccessible(
  work: ClusterWork,
  chosen: (instance: InstanceFacts) => boolean,
  signal: AbortSignal,
  type?: string,
): Promise<void> {
  const cluster = await theCluster(work);
  const everyone = (await work.access.reach(cluster)).facts.instances.filter(chosen);
  const groups = [everyone.filter((each) => each.isProxy), everyone.filter((each) => !each.isProxy)];
  const told = { name: 'Wait for instance accessibility', total: everyone.length, ...(type && { type }) };
  await inProvisionStep(work, told, async (step) => {
    for (const instances of groups) {
      const tries = new Limiter(atOnce);
      const reach = reachOf(work);
      const waiting = new AbortController();
      const stop = AbortSignal.any([signal, waiting.signal]);
      const ends = await Promise.allSettled(
        instances.map(async (instance) => {
          const problem = await waitFor(work, cluster, { reach, tries }, instance, stop);
          await addStepEvents(work.db, step, [
            {
              instance,
              successful: problem === null,
              info: problem === null ? null : describeProblem(problem),
            },
          ]);
          return { instance, problem };
        }),
      );
      waiting.abort();
      const failures: Failure[] = [];
      for (const end of ends) {
        if (end.status === 'rejected') throw end.reason;
        const { instance, problem } = end.value;
        if (problem) failures.push({ name: instance.name, problem });
      }
      if (failures.length > 0) throw new ProvisioningError(tellFailures(failures));
    }
  });
}

/** The machines as they were a moment ago: a proxy's key may have been pinned since, a machine may have moved. */
function reachOf(work: ClusterWork): () => Promise<ClusterReach> {
  let readAt = Number.NEGATIVE_INFINITY;
  let last: Promise<ClusterReach>;
  return () => {
    if (performance.now() - readAt < freshness) return last;
    readAt = performance.now();
    last = theCluster(work).then((cluster) => work.access.reach(cluster));
    return last;
  };
}

/** What the machines that wait have in common. */
interface Waiting {
  reach(): Promise<ClusterReach>;
  /** Not the waiting itself is limited: those that never answer would keep the others from being asked. */
  readonly tries: Limiter;
}

/** Tries until the machine answers (null) or there is no more hope. */
async function waitFor(
  work: ClusterWork,
  cluster: ClusterRow,
  waiting: Waiting,
  { id }: InstanceFacts,
  signal: AbortSignal,
): Promise<RunTargetError | null> {
  const { method } = await waiting.reach();
  const { keepsMachines } = cloudOf(work, cluster);
  const limits = method === 'agent' ? patience.agent : keepsMachines ? patience.imported : patience.made;
  // From its first try: hundreds of others may have had theirs before.
  let began: number | undefined;
  let refused: number | undefined;
  let said = '';
  for (let pause = firstPause; ; pause = Math.min(pause * 1.5, longestPause)) {
    const reach = await waiting.reach();
    const problem = await waiting.tries.run(() => {
      began ??= performance.now();
      return tryOnce(reach, id, signal);
    });
    if (signal.aborted) throw new ClusterGoneError(cluster.id);
    if (problem === null) return null;
    const text = describeProblem(problem);
    if (text !== said) {
      said = text;
      const { name } = reach.find(id) ?? { name: id };
      const body = { instance_id: id, instance: name, ...problem };
      work.events.emit({
        projectId: cluster.project_id,
        clusterId: cluster.id,
        type: 'instance.waiting',
        body,
      });
    }
    const now = performance.now();
    const login = problem.code === 'AUTHENTICATION_FAILED';
    if (login) refused ??= now;
    const hopeless = login
      ? now - (refused ?? now) >= limits.login * 1000
      : !problem.retryable && problem.code !== 'NOT_SSH';
    if (hopeless || now - (began ?? now) + pause > limits.reach * 1000) return problem;
    await sleep(pause, undefined, { signal }).catch(() => {});
  }
}

async function tryOnce(reach: ClusterReach, id: string, signal: AbortSignal): Promise<RunTargetError | null> {
  const instance = reach.find(id);
  if (!instance) throw new ClusterGoneError(reach.facts.clusterId);
  try {
    await reach.open(instance, signal);
    return null;
  } catch (error) {
    return accessProblem(error);
  }
}

interface Failure {
  readonly name: string;
  readonly problem: RunTargetError;
}

/** Machines that fail for the same reason are named together, so that a dead proxy is one sentence, not two hundred. */
function tellFailures(failures: readonly Failure[]): string {
  const groups = new Map<string, Failure[]>();
  for (const failure of failures) {
    const { hop, phase, code } = failure.problem;
    const own = hop === failure.name;
    const key = own ? `own ${phase} ${code}` : `${hop} ${phase} ${code}`;
    const group = groups.get(key);
    if (group) group.push(failure);
    else groups.set(key, [failure]);
  }
  return [...groups.values()]
    .map((group) => {
      const names = group.slice(0, 10).map((each) => each.name);
      const more = group.length > names.length ? ` and ${group.length - names.length} more` : '';
      const [{ problem }] = group as [Failure];
      const hint = problem.hint ? ` (${problem.hint})` : '';
      const who = `machine${group.length > 1 ? 's' : ''} ${names.join(', ')}${more}`;
      return `${who} not accessible: ${describeProblem(problem)}${hint}`;
    })
    .join('; ');
}
