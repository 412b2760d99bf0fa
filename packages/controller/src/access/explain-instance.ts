import type { ExplainedRoute, ExplainStep } from '@wadi/api';
import type { Explainer } from '@wadi/indirect-access';
import type { Finding } from '../storage/instance-verdicts.ts';
import type { InstanceFacts } from './cluster-facts.ts';
import type { ClusterReach } from './cluster-reach.ts';
import { explainRoute, type WalkedRoute } from './explain-route.ts';

/** What is needed to look at machines of one cluster. */
export interface Looking {
  readonly reach: ClusterReach;
  readonly explainer: Explainer;
  /** What the cloud says of a machine; undefined: it cannot tell. */
  powerOf(instance: InstanceFacts): Promise<'on' | 'off' | 'gone' | undefined>;
  /** The cluster pins the key that it meets first. */
  readonly trustFirstContact: boolean;
  readonly signal: AbortSignal;
}

export interface Explained {
  readonly finding: Finding;
  readonly routes: readonly ExplainedRoute[];
}

/** More candidates than these say nothing new. */
const mostRoutes = 8;

/** What fails, where, and what to do: from the facts, from the cloud, and from walking every candidate route. */
export async function explainInstance(looking: Looking, instance: InstanceFacts): Promise<Explained> {
  const { reach, explainer, signal } = looking;
  const off = await powerProblem(looking, instance, instance);
  if (off) return { finding: off, routes: [] };
  const candidates = reach.routes(instance).slice(0, mostRoutes);
  if (candidates.length === 0) return { finding: factsProblem(reach, instance), routes: [] };
  const walked = await Promise.all(candidates.map((route) => explainRoute(explainer, route, signal)));
  return {
    finding: await judge(looking, instance, walked),
    routes: walked.map(({ explained }) => explained),
  };
}

async function judge(
  looking: Looking,
  instance: InstanceFacts,
  walked: readonly WalkedRoute[],
): Promise<Finding> {
  const working = walked.find((each) => isGood(instance, each));
  if (working) return reachable(instance, working, walked);
  // The one that came furthest tells most; of several the one that comes first.
  const [furthest] = [...walked].sort((a, b) => b.passed - a.passed);
  const { failure, explained } = furthest as WalkedRoute & { failure: ExplainStep };
  const guilty = looking.reach.facts.instances.find(({ name }) => name === failure.hop);
  const off = guilty && guilty.id !== instance.id && (await powerProblem(looking, instance, guilty));
  if (off) return { ...off, route: explained.text };
  const { code, reason, hop, phase, message } = failure;
  const hint = hintFor(looking, failure);
  const text = message ?? `${hop}: ${code}`;
  return unreachable(
    instance,
    { code: code ?? 'INTERNAL', reason, hop, phase, message: text, hint },
    explained.text,
  );
}

/** A proxy that lets nobody run commands is a good proxy. */
function isGood(instance: InstanceFacts, { failure }: WalkedRoute): boolean {
  if (!failure) return true;
  return instance.isProxy && failure.code === 'CHANNEL_REFUSED' && failure.hop === instance.name;
}

function reachable(instance: InstanceFacts, working: WalkedRoute, walked: readonly WalkedRoute[]): Finding {
  const others = walked.flatMap((each) => (each.failure && !isGood(instance, each) ? [each.failure] : []));
  const time = working.explained.steps.reduce((sum, step) => sum + step.milliseconds, 0);
  const failing = [...new Set(others.map(({ hop, phase, code }) => `${hop} (${phase}, ${code})`))];
  const shell = working.failure ? '; it gives no shell, and passes connections on' : '';
  const but = failing.length > 0 ? `; another way fails at ${failing.join(', ')}` : '';
  return {
    instance_id: instance.id,
    reachable: true,
    code: null,
    reason: null,
    hop: null,
    phase: null,
    message: `${instance.name} answers in ${Math.round(time)} ms${shell}${but}`,
    hint: others[0]?.hint ?? null,
    route: working.explained.text,
  };
}

function hintFor({ trustFirstContact }: Looking, { code, phase, hint }: ExplainStep): string | null {
  if (trustFirstContact && code === 'HOST_KEY_REFUSED' && phase === 'host-key')
    return 'looking pins nothing; the first command does, since this cluster trusts the first contact';
  return hint;
}

function factsProblem(reach: ClusterReach, instance: InstanceFacts): Finding {
  const { code, reason, hint } = reach.whyNoRoute(instance);
  const message = `${instance.name}: ${reason}`;
  return unreachable(
    instance,
    { code, reason: null, hop: instance.name, phase: 'facts', message, hint },
    null,
  );
}

/** Of the machine itself or of one on the way. */
async function powerProblem(
  { powerOf }: Looking,
  instance: InstanceFacts,
  guilty: InstanceFacts,
): Promise<Finding | undefined> {
  const power = await powerOf(guilty);
  const { name: hop } = guilty;
  const at = { reason: null, hop, phase: 'power' };
  switch (power) {
    case 'off':
      return unreachable(
        instance,
        {
          ...at,
          code: 'MACHINE_OFF',
          message: `${hop}: its cloud says that it is switched off`,
          hint: `switch ${hop} on`,
        },
        null,
      );
    case 'gone':
      return unreachable(
        instance,
        {
          ...at,
          code: 'MACHINE_GONE',
          message: `${hop}: its cloud does not know it any more`,
          hint: `somebody deleted ${hop} outside of Wadi: scale its node group down and up again`,
        },
        null,
      );
    default:
      return undefined;
  }
}

interface Problem {
  readonly code: string;
  readonly reason: string | null;
  readonly hop: string;
  readonly phase: string;
  readonly message: string;
  readonly hint: string | null;
}

function unreachable({ id }: InstanceFacts, problem: Problem, route: string | null): Finding {
  return { instance_id: id, reachable: false, ...problem, route };
}
