import type { Explainer, Route } from '@wadi/indirect-access';
import type { AccessSettings, ClusterFacts, InstanceFacts } from './cluster-facts.ts';
import { explainRoute, type WalkedRoute } from './explain-route.ts';
import { planRoutes, servesAsProxy } from './plan-routes.ts';

/** Where the controller is to dial a machine; null: as the access method of its cluster has it. */
export interface Door {
  readonly address: string;
  /** Null: the port of its sshd. */
  readonly port: number | null;
}

/** Machines behind it that are tried; one that answers is enough. */
const mostBehind = 32;

/**
 * Whether a machine could serve as a proxy: by logging in to it at its door, and through it to another machine. Over
 * connections of the explainer's own, and only where its host key is pinned. Null: it could; else why not.
 */
export async function tryAsProxy(
  explainer: Explainer,
  facts: ClusterFacts,
  settings: AccessSettings,
  { instance, door }: { readonly instance: InstanceFacts; readonly door: Door | null },
  signal: AbortSignal,
): Promise<string | null> {
  const candidate: InstanceFacts = {
    ...instance,
    duty: 'promoted',
    ...(door && { managementIp: door.address, managementPort: door.port }),
  };
  // The others say nothing of its door, and there may be thousands.
  const nobodyElse = { ...facts, instances: [candidate] };
  const route = planRoutes(nobodyElse, candidate, settings).find(({ hops }) => hops.length === 1);
  if (!route) return 'it has no address that the controller can dial';
  if (route.machine.hostKey.kind !== 'pinned') return 'its host key is not known';
  const login = await explainRoute(explainer, route, signal);
  if (!letsUsIn(login, candidate)) return whyNot(login);
  const alone = { ...facts, instances: facts.instances.map((each) => inPlace(each, candidate)) };
  const behind = alone.instances
    .filter((each) => each.id !== candidate.id && each.duty === undefined)
    .flatMap((each) => planRoutes(alone, each, settings).find(goesThrough(candidate)) ?? [])
    .slice(0, mostBehind);
  const walked = await Promise.all(behind.map((each) => explainRoute(explainer, each, signal)));
  const [first] = walked;
  if (!first || walked.some(({ failure }) => !failure)) return null;
  return `no machine answers through it: ${whyNot(first)}`;
}

/** What is a proxy now is taken away: the way must be the candidate's own. */
function inPlace(each: InstanceFacts, candidate: InstanceFacts): InstanceFacts {
  if (each.id === candidate.id) return candidate;
  return servesAsProxy(each) ? { ...each, duty: 'fenced' } : each;
}

function goesThrough({ id }: InstanceFacts): (route: Route) => boolean {
  return ({ hops: [, jump, ...more] }) => jump?.kind === 'ssh' && jump.machine.id === id && more.length === 0;
}

/** A proxy need not run commands. */
function letsUsIn({ failure }: WalkedRoute, { name }: InstanceFacts): boolean {
  return !failure || (failure.code === 'CHANNEL_REFUSED' && failure.hop === name);
}

function whyNot({ failure }: WalkedRoute): string {
  return failure?.message ?? `${failure?.hop} (${failure?.phase}): ${failure?.code}`;
}
