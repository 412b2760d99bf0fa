import type { ExplainedRoute, ExplainStep } from '@wadi/api';
import { describeRoute, type Explainer, type Route, type ExplainStep as Step } from '@wadi/indirect-access';

/** A candidate and where it ended. */
export interface WalkedRoute {
  readonly route: Route;
  readonly explained: ExplainedRoute;
  /** How many machines of it were passed before the one that failed. */
  readonly passed: number;
  /** The step that failed. */
  readonly failure: ExplainStep | undefined;
}

export async function explainRoute(
  explainer: Explainer,
  route: Route,
  signal: AbortSignal,
): Promise<WalkedRoute> {
  const steps: ExplainStep[] = [];
  for await (const step of explainer.explain(route, { signal })) steps.push(viewOf(step));
  const last = steps.at(-1);
  const failure = last && !last.ok ? last : undefined;
  const names = [
    ...route.hops.flatMap((hop) => (hop.kind === 'ssh' ? [hop.machine.name] : [])),
    route.machine.name,
  ];
  const passed = failure ? names.indexOf(failure.hop) : names.length;
  return { route, explained: { text: describeRoute(route), reachable: !failure, steps }, passed, failure };
}

function viewOf({ hop, phase, ok, milliseconds, detail, error }: Step): ExplainStep {
  return {
    hop,
    phase,
    ok,
    milliseconds: Math.round(milliseconds * 10) / 10,
    detail: detail ?? null,
    code: error?.code ?? null,
    reason: error?.reason ?? null,
    message: error?.message ?? null,
    hint: error?.hint ?? null,
  };
}
